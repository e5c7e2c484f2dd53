// Chooses light, dark, or the system's theme.
import { usePreferences } from './preferences.ts';
import { useStrings } from './texts.ts';
import { THEMES, themeOf } from './theme.ts';

export function ThemeSwitch() {
  const strings = useStrings();
  const { theme, setTheme } = usePreferences();
  return (
    <label class="setting">
      <span>{strings.theme}</span>
      <select class="theme" value={theme} onChange={(event) => setTheme(themeOf(event.currentTarget.value))}>
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {strings.themes[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
