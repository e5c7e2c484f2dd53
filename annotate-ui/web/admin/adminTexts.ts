// The admin's texts in the language of the page.
import type { Language } from '../../../src/core/annotation/project.ts';
import { usePreferences } from '../frame/preferences.ts';
import { adminChinese } from './chinese.ts';
import { type AdminStrings, adminEnglish } from './english.ts';

const STRINGS: Record<Language, AdminStrings> = { en: adminEnglish, zh: adminChinese };

export function useAdminStrings(): AdminStrings {
  return STRINGS[usePreferences().language];
}
