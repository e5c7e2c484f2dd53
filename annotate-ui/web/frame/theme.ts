// Light, dark, or as the system has it. public/theme.js applies the choice before the first paint.
import type { KeyValueStore } from '../net/storage.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const THEME_KEY = 'fourfold/theme';

export function themeOf(text: string | null): Theme {
  return THEMES.find((theme) => theme === text) ?? 'system';
}

export function keptTheme(store: KeyValueStore): Theme {
  return themeOf(store.get(THEME_KEY));
}

/** Shows the theme from now on, in this tab and the next. */
export function applyTheme(store: KeyValueStore, theme: Theme): void {
  if (theme === 'system') {
    store.remove(THEME_KEY);
    delete document.documentElement.dataset.theme;
  } else {
    store.set(THEME_KEY, theme);
    document.documentElement.dataset.theme = theme;
  }
}
