// The project's names of criteria in the language of the page, for figures that the server gives by their short names.
import { useLoaded } from '../frame/loaded.tsx';
import { useCriterionText } from '../frame/texts.ts';
import { api } from '../net/api.ts';
import { useLeadStrings } from './leadTexts.ts';

/** What figures call the question which reply is better. */
export const COMPARISON = 'comparison';

/** A function from short names to names; until the project is there, and for criteria that it has no more, the short one. */
export function useCriterionNames(onSessionEnded: () => void): (criterion: string) => string {
  const strings = useLeadStrings();
  const criterionText = useCriterionText();
  const { value } = useLoaded(api.project, 'project', onSessionEnded);
  return (criterion) => {
    if (criterion === COMPARISON) return strings.comparison;
    const card = value?.criteria.find(({ id }) => id === criterion);
    return card === undefined ? criterion : criterionText(card).name;
  };
}
