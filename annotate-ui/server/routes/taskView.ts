// The item as one annotator sees it: lettered, in their order, and silent about what wrote which.
import type { Task, TaskCandidate } from '../../../src/core/annotationApi.ts';
import type { AnnotatorId, CandidateId } from '../../../src/core/ids.ts';
import type { Judgement } from '../../../src/core/records.ts';
import { judgementDetails } from '../../../src/core/records.ts';
import type { LabelingDesk } from '../labeling/desk.ts';
import { type LabelingItem, type LabelingSet, presentedOrder } from '../labeling/labelingSet.ts';
import { askOf } from '../labeling/verdicts.ts';

const EXCERPT_CHARS = 120;

/** The candidates in that order, lettered from A. */
export function lettered({ textOf, audioOf }: LabelingSet, order: ReadonlyArray<CandidateId>): TaskCandidate[] {
  return order.map((candidateId, i) => {
    const audio = audioOf.get(candidateId);
    return {
      key: String.fromCharCode('A'.charCodeAt(0) + i),
      candidateId,
      text: textOf.get(candidateId) ?? '',
      ...(audio === undefined
        ? {}
        : { audio: { url: `/api/audio/${candidateId}`, type: audio.type, seconds: audio.seconds } }),
    };
  });
}

/** Beginning of the prompt's last turn. */
export function excerptOf({ messages }: LabelingItem): string {
  const text = messages.at(-1)?.content.replaceAll(/\s+/g, ' ') ?? '';
  return text.length <= EXCERPT_CHARS ? text : `${text.slice(0, EXCERPT_CHARS)}…`;
}

/** What was said in a judgement, without what it is filed under; null for one that says nothing. */
export function verdictOf(judgement: Judgement): Task['judgement'] {
  const { ratings, comparison, durationMs } = judgement;
  if (comparison.kind === 'missing') return null;
  const details = Object.fromEntries(
    Object.keys(judgementDetails)
      .map((key) => [key, Reflect.get(judgement, key)])
      .filter(([, value]) => value !== undefined),
  );
  return { ratings, comparison, durationMs, ...details };
}

/** @param before what the annotator said of it before; their standing judgement where absent */
export function taskFor(
  desk: LabelingDesk,
  annotatorId: AnnotatorId,
  item: LabelingItem,
  before: Judgement | null = standingOf(desk, annotatorId, item),
): Task {
  const { set, project } = desk;
  return {
    itemId: item.id,
    promptId: item.promptId,
    messages: item.messages,
    candidates: lettered(set, presentedOrder(annotatorId, item)),
    criteria: project.criteria,
    ask: askOf(project.ask, item),
    round: desk.isQualificationItem(item.id) ? 'qualification' : 'work',
    leaseExpiresAt: desk.leaseExpiresAt(annotatorId, item.id),
    draft: desk.holdings.get(annotatorId, item.id)?.draft ?? null,
    judgement: before === null ? null : verdictOf(before),
  };
}

function standingOf({ book }: LabelingDesk, annotatorId: AnnotatorId, item: LabelingItem): Judgement | null {
  const entry = book.entry(annotatorId, item.id);
  return entry === null ? null : book.judgementOf(entry);
}
