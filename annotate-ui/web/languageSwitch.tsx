// Chooses the language of the page.
import { useContext } from 'preact/hooks';
import type { Language } from '../../src/core/annotation/project.ts';
import { STRINGS } from './strings.ts';
import { LanguageContext, useStrings } from './texts.ts';

export function LanguageSwitch({ onLanguage }: { onLanguage(language: Language): void }) {
  const strings = useStrings();
  const language = useContext(LanguageContext);
  return (
    <select
      class="language"
      aria-label={strings.language}
      value={language}
      onChange={(event) => onLanguage(event.currentTarget.value === 'zh' ? 'zh' : 'en')}
    >
      {Object.entries(STRINGS).map(([code, { languageName }]) => (
        <option key={code} value={code} lang={code}>
          {languageName}
        </option>
      ))}
    </select>
  );
}
