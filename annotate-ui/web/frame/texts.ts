// The texts of the page in its language, for every component.
import type { CriterionCard, CriterionText } from '../../../src/core/annotation/project.ts';
import { usePreferences } from './preferences.ts';
import { STRINGS, type Strings } from './strings.ts';

export function useStrings(): Strings {
  return STRINGS[usePreferences().language];
}

/** The criterion in the page's language. */
export function useCriterionText(): (card: CriterionCard) => CriterionText {
  const { language } = usePreferences();
  return (card) => card.text[language];
}
