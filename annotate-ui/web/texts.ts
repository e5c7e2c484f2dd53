// The language of the page, for every component.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { CriterionCard, CriterionText, Language } from '../../src/core/annotation/project.ts';
import { STRINGS, type Strings } from './strings.ts';

export const LanguageContext = createContext<Language>('en');

export function useStrings(): Strings {
  return STRINGS[useContext(LanguageContext)];
}

/** The criterion in the page's language. */
export function useCriterionText(): (card: CriterionCard) => CriterionText {
  const language = useContext(LanguageContext);
  return (card) => card.text[language];
}
