// Chooses the language of the page.
import { usePreferences } from './preferences.ts';
import { STRINGS } from './strings.ts';
import { useStrings } from './texts.ts';

export function LanguageSwitch() {
  const strings = useStrings();
  const { language, setLanguage } = usePreferences();
  return (
    <label class="setting">
      <span>{strings.language}</span>
      <select
        class="language"
        value={language}
        onChange={(event) => setLanguage(event.currentTarget.value === 'zh' ? 'zh' : 'en')}
      >
        {Object.entries(STRINGS).map(([code, { languageName }]) => (
          <option key={code} value={code} lang={code}>
            {languageName}
          </option>
        ))}
      </select>
    </label>
  );
}
