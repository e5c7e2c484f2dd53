// Which keys a task has, for the list that shows them: only those that do something here.
import type { Task } from '../../../src/core/annotationApi.ts';
import type { Strings } from '../frame/strings.ts';

export interface KeyLine {
  /** Names of keys; '…' and '+' stand between them. */
  keys: string[];
  does: keyof Strings['keys'];
}

/** @param task null where no task is on the screen: every key is told */
export function keyMapOf(task: Task | null): KeyLine[] {
  const ask = task?.ask;
  const comparison = ask?.comparison;
  const last = task?.candidates.at(-1)?.key ?? 'F';
  const when = (isThere: boolean | undefined, ...lines: KeyLine[]) => ((isThere ?? true) ? lines : []);
  const hasAudio = task?.candidates.some((candidate) => candidate.audio !== undefined);
  const replies = ['A', '…', last];
  return [
    ...when(ask?.ratings, { keys: ['1', '…', '5'], does: 'score' }),
    { keys: replies, does: 'focus' },
    { keys: ['↑', '↓', '←', '→'], does: 'move' },
    ...when(
      comparison === undefined || comparison === 'best',
      { keys: ['Shift', '+', ...replies], does: 'best' },
      { keys: ['W'], does: 'bestActive' },
    ),
    ...when(
      comparison === 'strength',
      { keys: ['Shift', '+', ...replies], does: 'stronger' },
      { keys: ['1', '…', '8'], does: 'strength' },
      { keys: ['N'], does: 'bothBad' },
    ),
    ...when(
      comparison === 'ranking',
      { keys: ['Shift', '+', ...replies], does: 'rank' },
      { keys: ['Shift', '+', '↑', '↓'], does: 'rankMove' },
      { keys: ['T'], does: 'level' },
    ),
    ...when(comparison === undefined || comparison === 'best' || comparison === 'strength', {
      keys: ['T'],
      does: 'tie',
    }),
    ...when(ask?.correction, { keys: ['I'], does: 'correct' }),
    ...when(ask?.flags, { keys: ['X'], does: 'flag' }),
    ...when(ask?.comment, { keys: ['M'], does: 'comment' }),
    ...when(
      hasAudio,
      { keys: ['K'], does: 'play' },
      { keys: ['J', 'L'], does: 'seek' },
      { keys: [',', '.'], does: 'speed' },
    ),
    { keys: ['R'], does: 'asText' },
    { keys: ['G'], does: 'guidelines' },
    { keys: ['Enter'], does: 'submit' },
    { keys: ['U'], does: 'undo' },
    ...when(ask?.skip, { keys: ['S'], does: 'skip' }),
    { keys: ['?'], does: 'help' },
  ];
}
