// From a draft to what is sent, and from what was sent or kept before to a draft. Pure.
import type { JudgementRequest, Task } from '../../../src/core/annotationApi.ts';
import { criteriaOf, type Draft, emptyDraft, missingIn, type Verdict } from './draft.ts';
import { groupsOf, rankingOf } from './ranking.ts';

/** Drops what holds nothing. */
function filled<T>(entries: Record<string, T>, isFilled: (value: T) => boolean): Record<string, T> | undefined {
  const kept = Object.entries(entries).filter(([, value]) => isFilled(value));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function verdictOf(draft: Draft, { ask }: Task): Verdict | null {
  if (ask.comparison !== 'ranking') return draft.verdict;
  const [top] = groupsOf(draft.ranking);
  const [best, second] = top ?? [];
  if (best === undefined) return null;
  return second === undefined ? { kind: 'best', candidateId: best } : { kind: 'tie' };
}

/** What was said besides ratings and comparison, each part only where something was said. */
function detailsOf(draft: Draft, task: Task) {
  const { ask } = task;
  const { verdict } = draft;
  const comment = draft.comment.trim();
  const details: Record<string, unknown> = {
    strength: ask.comparison === 'strength' && verdict?.kind === 'best' ? verdict.strength : undefined,
    bothBad: ask.comparison === 'strength' && verdict?.kind === 'tie' ? verdict.bothBad : undefined,
    ranking: ask.comparison === 'ranking' ? groupsOf(draft.ranking) : undefined,
    corrections: ask.correction ? filled(correctionsOf(draft, task), () => true) : undefined,
    flags: ask.flags ? filled(draft.flags, (flags) => flags.length > 0) : undefined,
    comment: comment === '' || !ask.comment ? undefined : comment,
  };
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
}

/** Corrections that say something, and something else than the reply. */
function correctionsOf(draft: Draft, { candidates }: Task): Record<string, string> {
  const isReal = (candidateId: string, text: string) =>
    text.trim() !== '' && text !== candidates.find((candidate) => candidate.candidateId === candidateId)?.text;
  return Object.fromEntries(Object.entries(draft.corrections).filter(([id, text]) => isReal(id, text)));
}

/** Scores on what the task asks about; a draft from before the settings changed may hold more. */
function ratingsOf(draft: Draft, task: Task): JudgementRequest['ratings'] {
  const asked = new Set(criteriaOf(task).map(({ id }) => id));
  if (asked.size === 0) return {};
  const kept = (scores: Record<string, number>) =>
    Object.fromEntries(Object.entries(scores).filter(([criterion]) => asked.has(criterion)));
  return Object.fromEntries(
    Object.entries(draft.ratings).map(([id, scores]) => [id, kept(scores)]),
  ) as JudgementRequest['ratings'];
}

interface Sending {
  revise: boolean;
  submissionId: string;
}

/** The request that submits the draft, or null while something is missing. */
export function toRequest(draft: Draft, task: Task, { revise, submissionId }: Sending): JudgementRequest | null {
  if (missingIn(draft, task).length > 0) return null;
  const verdict = verdictOf(draft, task);
  const comparison =
    task.ask.comparison === 'none' || verdict === null
      ? { kind: 'none' }
      : verdict.kind === 'tie'
        ? { kind: 'tie' }
        : { kind: 'best', candidateId: verdict.candidateId };
  return {
    ratings: ratingsOf(draft, task),
    comparison,
    ...detailsOf(draft, task),
    durationMs: draft.elapsedMs,
    revise,
    submissionId,
  } as JudgementRequest;
}

export function skipRequest(draft: Draft, reason: string, { revise, submissionId }: Sending): JudgementRequest {
  return { ratings: {}, comparison: { kind: 'skip', reason }, durationMs: draft.elapsedMs, revise, submissionId };
}

/** An id for one submission, the same each time it is sent. */
export function newSubmissionId(): string {
  // Not randomUUID: browsers keep that from pages served over plain HTTP to other machines.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A draft that was kept as JSON, or null where it is none of this version's. */
export function draftFrom(json: unknown): Draft | null {
  if (typeof json !== 'object' || json === null) return null;
  const draft = { ...emptyDraft(), ...json };
  const isWhole =
    Array.isArray(draft.past) &&
    Array.isArray(draft.ranking) &&
    typeof draft.comment === 'string' &&
    Number.isInteger(draft.active?.candidate) &&
    [draft.ratings, draft.corrections, draft.flags].every((part) => typeof part === 'object' && part !== null);
  return isWhole ? draft : null;
}

/** The draft to begin with: what this browser kept or what the server did, whichever is newer, or what was said before. */
export function draftToBegin(task: Task, kept: Draft | null): Draft {
  const served = draftFrom(task.draft);
  const newer = (kept?.changedAtMs ?? -1) >= (served?.changedAtMs ?? -1) ? kept : served;
  return newer ?? (task.judgement === null ? emptyDraft() : draftOfJudgement(task, task.judgement));
}

function draftOfJudgement(task: Task, said: NonNullable<Task['judgement']>): Draft {
  const { comparison } = said;
  const verdict: Verdict | null =
    comparison.kind === 'best'
      ? { kind: 'best', candidateId: comparison.candidateId, ...strengthOf(said.strength) }
      : comparison.kind === 'tie'
        ? { kind: 'tie', ...(said.bothBad === true ? { bothBad: true as const } : {}) }
        : null;
  return {
    ...emptyDraft(),
    ratings: task.ask.ratings ? (said.ratings as Draft['ratings']) : {},
    verdict: task.ask.comparison === 'ranking' ? null : verdict,
    ranking: rankingOf(said.ranking ?? []),
    corrections: { ...said.corrections },
    flags: { ...said.flags },
    comment: said.comment ?? '',
    elapsedMs: said.durationMs ?? 0,
  };
}

function strengthOf(strength: number | undefined): { strength?: 1 | 2 | 3 } {
  return strength === 1 || strength === 2 || strength === 3 ? { strength } : {};
}
