// What a person chose for this browser: language, theme, letters as keys. Kept, and open to every component.
import { createContext } from 'preact';
import { useContext, useEffect, useMemo, useState } from 'preact/hooks';
import type { Language } from '../../../src/core/annotation/project.ts';
import type { KeyValueStore } from '../net/storage.ts';
import { preferredLanguage } from './strings.ts';
import { applyTheme, keptTheme, type Theme } from './theme.ts';

export interface Preferences {
  language: Language;
  theme: Theme;
  /** False for those who dictate or type with aids that send stray letters; Enter and arrows still work. */
  hasLetterKeys: boolean;
  setLanguage(language: Language): void;
  setTheme(theme: Theme): void;
  setLetterKeys(isOn: boolean): void;
}

const LANGUAGE_KEY = 'fourfold/language';
const LETTER_KEYS_KEY = 'fourfold/letterKeys';

export const PreferencesContext = createContext<Preferences>({
  language: 'en',
  theme: 'system',
  hasLetterKeys: true,
  setLanguage: () => undefined,
  setTheme: () => undefined,
  setLetterKeys: () => undefined,
});

export const usePreferences = (): Preferences => useContext(PreferencesContext);

/** The preferences kept in `store`; for the page's root only. */
export function useKeptPreferences(store: KeyValueStore): Preferences {
  const [language, setLanguage] = useState<Language>(() => {
    const kept = store.get(LANGUAGE_KEY);
    return kept === 'en' || kept === 'zh' ? kept : preferredLanguage(navigator.languages);
  });
  const [theme, setTheme] = useState<Theme>(() => keptTheme(store));
  const [hasLetterKeys, setLetterKeys] = useState(() => store.get(LETTER_KEYS_KEY) !== 'off');
  useEffect(() => {
    document.documentElement.lang = language;
    store.set(LANGUAGE_KEY, language);
  }, [language, store]);
  useEffect(() => applyTheme(store, theme), [theme, store]);
  useEffect(() => store.set(LETTER_KEYS_KEY, hasLetterKeys ? 'on' : 'off'), [hasLetterKeys, store]);
  return useMemo(
    () => ({ language, theme, hasLetterKeys, setLanguage, setTheme, setLetterKeys }),
    [language, theme, hasLetterKeys],
  );
}
