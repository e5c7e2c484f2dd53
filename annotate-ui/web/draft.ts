// The draft of one judgement: pure state and its changes. What is kept, sent or drawn lies elsewhere.
import type { JudgementRequest, Task } from '../../src/core/annotationApi.ts';

export type Verdict = { kind: 'best'; candidateId: string } | { kind: 'tie' };

/** Where the next digit goes. `candidate` equal to the number of candidates means the verdict. */
export interface Place {
  candidate: number;
  criterion: number;
}

interface Answer {
  /** Scores by candidate id, then criterion id. */
  ratings: Record<string, Record<string, number>>;
  verdict: Verdict | null;
  active: Place;
}

export interface Draft extends Answer {
  /** Earlier states, oldest first, for undo. */
  past: Answer[];
  /** Time spent on the item, in milliseconds. */
  elapsedMs: number;
}

export type Missing = { kind: 'score'; place: Place } | { kind: 'verdict' };

const KEPT_UNDOS = 60;

export function emptyDraft(): Draft {
  return { ratings: {}, verdict: null, active: { candidate: 0, criterion: 0 }, past: [], elapsedMs: 0 };
}

export function scoreAt(draft: Draft, task: Task, { candidate, criterion }: Place): number | null {
  const candidateId = task.candidates[candidate]?.candidateId;
  const criterionId = task.criteria[criterion]?.id;
  if (candidateId === undefined || criterionId === undefined) return null;
  return draft.ratings[candidateId]?.[criterionId] ?? null;
}

function changed(draft: Draft, change: Partial<Answer>): Draft {
  const { ratings, verdict, active } = draft;
  return { ...draft, ...change, past: [...draft.past, { ratings, verdict, active }].slice(-KEPT_UNDOS) };
}

/** The place one criterion further: through a candidate's criteria, then the next candidate, then the verdict. */
export function placeAfter(task: Task, { candidate, criterion }: Place): Place {
  if (candidate >= task.candidates.length) return { candidate: task.candidates.length, criterion: 0 };
  return criterion + 1 < task.criteria.length
    ? { candidate, criterion: criterion + 1 }
    : { candidate: candidate + 1, criterion: 0 };
}

/** Where an arrow key leads: up and down through the criteria, left and right through the replies. */
export function placeToward(task: Task, place: Place, direction: 'up' | 'down' | 'left' | 'right'): Place {
  const { candidate, criterion } = place;
  const lastCandidate = task.candidates.length - 1;
  switch (direction) {
    case 'down':
      return placeAfter(task, place);
    case 'up':
      if (criterion > 0) return { candidate, criterion: criterion - 1 };
      return candidate > 0 ? { candidate: candidate - 1, criterion: task.criteria.length - 1 } : place;
    case 'left':
      return { candidate: Math.max(0, candidate - 1), criterion };
    case 'right':
      return { candidate: Math.min(lastCandidate, candidate + 1), criterion };
    default:
      return direction satisfies never;
  }
}

/** Gives a score; `moveOn` takes the active place to what comes after, as keys do and the mouse does not. */
export function withScore(
  draft: Draft,
  task: Task,
  { place, score, moveOn }: { place: Place; score: number; moveOn: boolean },
): Draft {
  const candidateId = task.candidates[place.candidate]?.candidateId;
  const criterionId = task.criteria[place.criterion]?.id;
  if (candidateId === undefined || criterionId === undefined) return draft;
  const scores = { ...draft.ratings[candidateId], [criterionId]: score };
  return changed(draft, {
    ratings: { ...draft.ratings, [candidateId]: scores },
    active: moveOn ? placeAfter(task, place) : place,
  });
}

export function withVerdict(draft: Draft, verdict: Verdict): Draft {
  return changed(draft, { verdict });
}

/** Moves the active place; moving is not something to undo. */
export function withActive(draft: Draft, active: Place): Draft {
  return { ...draft, active };
}

/** The state before the last change, or null where nothing was changed. */
export function undone(draft: Draft): Draft | null {
  const before = draft.past.at(-1);
  return before === undefined ? null : { ...draft, ...before, past: draft.past.slice(0, -1) };
}

/** What still keeps the draft from being submitted, in reading order. */
export function missingIn(draft: Draft, task: Task): Missing[] {
  const missing: Missing[] = [];
  for (let candidate = 0; candidate < task.candidates.length; candidate++) {
    for (let criterion = 0; criterion < task.criteria.length; criterion++) {
      const place = { candidate, criterion };
      if (scoreAt(draft, task, place) === null) missing.push({ kind: 'score', place });
    }
  }
  if (draft.verdict === null) missing.push({ kind: 'verdict' });
  return missing;
}

/** The request that submits the draft, or null while something is missing. */
export function toRequest(draft: Draft, task: Task, revise: boolean): JudgementRequest | null {
  if (draft.verdict === null || missingIn(draft, task).length > 0) return null;
  return {
    ratings: draft.ratings as JudgementRequest['ratings'],
    comparison: draft.verdict as JudgementRequest['comparison'],
    durationMs: draft.elapsedMs,
    revise,
  };
}

export function skipRequest(draft: Draft, reason: string, revise: boolean): JudgementRequest {
  return { ratings: {}, comparison: { kind: 'skip', reason }, durationMs: draft.elapsedMs, revise };
}
