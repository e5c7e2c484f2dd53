// The texts of the annotator's part, in each language of the page. Lead's and admin's texts come with their views.
import type { Language } from '../../../src/core/annotation/project.ts';
import { chinese } from './chinese.ts';
import { english, type Strings } from './english.ts';

export type { Strings };

export const STRINGS: Record<Language, Strings> = { en: english, zh: chinese };

/** The language that the browser asks for, English where the page does not speak it. */
export function preferredLanguage(wanted: ReadonlyArray<string>): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0];
    if (language === 'zh' || language === 'en') return language;
  }
  return 'en';
}
