// The draft of one judgement: pure state and its changes. What is kept, sent or drawn lies elsewhere.
import type { Task } from '../../../src/core/annotationApi.ts';
import type { Flag } from '../../../src/core/records.ts';
import type { Ranking } from './ranking.ts';

export type Strength = 1 | 2 | 3;

export type Verdict =
  /** `strength` where two are compared by how much. */
  { kind: 'best'; candidateId: string; strength?: Strength } | { kind: 'tie'; bothBad?: true };

/** Where the next digit goes. `candidate` equal to the number of candidates means the verdict. */
export interface Place {
  candidate: number;
  criterion: number;
}

export interface Answer {
  /** Scores by candidate id, then criterion id. */
  ratings: Record<string, Record<string, number>>;
  verdict: Verdict | null;
  ranking: Ranking;
  /** Replies as they should have been, by candidate id. */
  corrections: Record<string, string>;
  flags: Record<string, Flag[]>;
  comment: string;
  active: Place;
}

export interface Draft extends Answer {
  /** Earlier states, oldest first, for undo. */
  past: Answer[];
  /** The text that is being typed: its changes in a row are one step of undo. */
  typing: string | null;
  /** Time spent on the item, in milliseconds. */
  elapsedMs: number;
  /** When it was changed last, by this browser's clock; 0 for never. */
  changedAtMs: number;
}

export type Missing = { kind: 'score'; place: Place } | { kind: 'verdict' };

const KEPT_UNDOS = 60;

export function emptyDraft(): Draft {
  return {
    ratings: {},
    verdict: null,
    ranking: [],
    corrections: {},
    flags: {},
    comment: '',
    active: { candidate: 0, criterion: 0 },
    past: [],
    typing: null,
    elapsedMs: 0,
    changedAtMs: 0,
  };
}

/** How many criteria the task asks about each reply. */
export const criteriaOf = (task: Task): Task['criteria'] => (task.ask.ratings ? task.criteria : []);

export function scoreAt(draft: Draft, task: Task, { candidate, criterion }: Place): number | null {
  const candidateId = task.candidates[candidate]?.candidateId;
  const criterionId = criteriaOf(task)[criterion]?.id;
  if (candidateId === undefined || criterionId === undefined) return null;
  return draft.ratings[candidateId]?.[criterionId] ?? null;
}

function answerOf({ ratings, verdict, ranking, corrections, flags, comment, active }: Draft): Answer {
  return { ratings, verdict, ranking, corrections, flags, comment, active };
}

function changed(draft: Draft, change: Partial<Answer>, typing: string | null = null): Draft {
  const isSameTyping = typing !== null && typing === draft.typing;
  const past = isSameTyping ? draft.past : [...draft.past, answerOf(draft)].slice(-KEPT_UNDOS);
  return { ...draft, ...change, past, typing };
}

/** Gives a score; `next` is the active place from then on. */
export function withScore(
  draft: Draft,
  task: Task,
  { place, score, next }: { place: Place; score: number; next: Place },
): Draft {
  const candidateId = task.candidates[place.candidate]?.candidateId;
  const criterionId = criteriaOf(task)[place.criterion]?.id;
  if (candidateId === undefined || criterionId === undefined) return draft;
  const scores = { ...draft.ratings[candidateId], [criterionId]: score };
  return changed(draft, { ratings: { ...draft.ratings, [candidateId]: scores }, active: next });
}

export function withVerdict(draft: Draft, verdict: Verdict): Draft {
  return changed(draft, { verdict });
}

export function withRanking(draft: Draft, ranking: Ranking): Draft {
  return changed(draft, { ranking });
}

/** @param text null drops the correction */
export function withCorrection(draft: Draft, candidateId: string, text: string | null): Draft {
  const { [candidateId]: _, ...others } = draft.corrections;
  if (text === null) return changed(draft, { corrections: others });
  return changed(draft, { corrections: { ...others, [candidateId]: text } }, `correction of ${candidateId}`);
}

export function withComment(draft: Draft, comment: string): Draft {
  return changed(draft, { comment }, 'comment');
}

export function withFlag(draft: Draft, candidateId: string, flag: Flag): Draft {
  const flags = draft.flags[candidateId] ?? [];
  const next = flags.includes(flag) ? flags.filter((other) => other !== flag) : [...flags, flag];
  return changed(draft, { flags: { ...draft.flags, [candidateId]: next } });
}

/** Moves the active place; moving is not something to undo. */
export function withActive(draft: Draft, active: Place): Draft {
  return { ...draft, active };
}

/** The state before the last change, or null where nothing was changed. */
export function undone(draft: Draft): Draft | null {
  const before = draft.past.at(-1);
  return before === undefined ? null : { ...draft, ...before, typing: null, past: draft.past.slice(0, -1) };
}

/** What still keeps the draft from being submitted, in reading order. */
export function missingIn(draft: Draft, task: Task): Missing[] {
  const missing: Missing[] = [];
  for (let candidate = 0; candidate < task.candidates.length; candidate++) {
    for (let criterion = 0; criterion < criteriaOf(task).length; criterion++) {
      const place = { candidate, criterion };
      if (scoreAt(draft, task, place) === null) missing.push({ kind: 'score', place });
    }
  }
  if (isVerdictMissing(draft, task)) missing.push({ kind: 'verdict' });
  return missing;
}

export function isVerdictMissing(draft: Draft, { ask, candidates }: Task): boolean {
  if (ask.comparison === 'none') return false;
  if (ask.comparison === 'ranking') return draft.ranking.length < candidates.length;
  const { verdict } = draft;
  // A draft from before the settings changed names the best without saying by how much.
  if (ask.comparison === 'strength' && verdict?.kind === 'best') return verdict.strength === undefined;
  return verdict === null;
}
