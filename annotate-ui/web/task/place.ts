// Where in an item one is: through a reply's criteria, then the next reply, then the verdict. Pure.
import type { Task } from '../../../src/core/annotationApi.ts';
import { criteriaOf, type Place } from './draft.ts';

export type Direction = 'up' | 'down' | 'left' | 'right';

/** The place of the verdict, after the last reply. */
export const verdictPlace = (task: Task): Place => ({ candidate: task.candidates.length, criterion: 0 });

/** The place one criterion further; the last one is the verdict, where there is one. */
export function placeAfter(task: Task, { candidate, criterion }: Place): Place {
  if (candidate >= task.candidates.length) return verdictPlace(task);
  if (criterion + 1 < criteriaOf(task).length) return { candidate, criterion: criterion + 1 };
  const isLast = candidate + 1 >= task.candidates.length;
  return isLast && task.ask.comparison === 'none'
    ? { candidate, criterion }
    : { candidate: candidate + 1, criterion: 0 };
}

/** Where an arrow key leads: up and down through the criteria, left and right through the replies. */
export function placeToward(task: Task, place: Place, direction: Direction): Place {
  const { candidate, criterion } = place;
  const lastCandidate = task.candidates.length - 1;
  switch (direction) {
    case 'down':
      return placeAfter(task, place);
    case 'up':
      if (criterion > 0) return { candidate, criterion: criterion - 1 };
      return candidate > 0 ? { candidate: candidate - 1, criterion: Math.max(0, criteriaOf(task).length - 1) } : place;
    case 'left':
      return { candidate: Math.max(0, candidate - 1), criterion };
    case 'right':
      return { candidate: Math.min(lastCandidate, candidate + 1), criterion };
    default:
      return direction satisfies never;
  }
}
