// The scale on which two replies are compared: from "A much better" over a tie to "B much better", and both bad. Pure.
import type { Task } from '../../../src/core/annotationApi.ts';
import type { Strength, Verdict } from './draft.ts';

/** The steps in the order of the page; the digit of a step is its place from 1. */
export function stepsOf({ candidates }: Task): Verdict[] {
  const [first, second] = candidates;
  if (first === undefined || second === undefined) return [];
  const better = (candidateId: string, strength: Strength): Verdict => ({ kind: 'best', candidateId, strength });
  return [
    better(first.candidateId, 3),
    better(first.candidateId, 2),
    better(first.candidateId, 1),
    { kind: 'tie' },
    better(second.candidateId, 1),
    better(second.candidateId, 2),
    better(second.candidateId, 3),
    { kind: 'tie', bothBad: true },
  ];
}

const TIE_STEP = 3;
const LAST_ON_SCALE = 6;

export function isSameVerdict(a: Verdict | null, b: Verdict | null): boolean {
  if (a === null || b === null || a.kind !== b.kind) return a === b;
  if (a.kind === 'tie' || b.kind === 'tie') return a.kind === b.kind && 'bothBad' in a === 'bothBad' in b;
  return a.candidateId === b.candidateId && a.strength === b.strength;
}

/** One step toward the first (−1) or the second reply (1); from nothing chosen, it starts beside the tie. */
export function leaned(task: Task, verdict: Verdict | null, direction: -1 | 1): Verdict | null {
  const steps = stepsOf(task);
  const at = steps.findIndex((step) => isSameVerdict(step, verdict));
  const from = at < 0 || at > LAST_ON_SCALE ? TIE_STEP : at;
  return steps[Math.min(Math.max(from + direction, 0), LAST_ON_SCALE)] ?? null;
}
