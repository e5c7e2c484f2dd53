// The structured answer of one request, and how the answers for an order and its reverse become one verdict.
import { z } from 'zod';
import type { CandidateId } from '../core/ids.ts';
import { CRITERIA, type Criterion, type Outcome, type Scores } from '../core/records.ts';
import type { JudgedReply } from './judge.ts';

// An enumeration, not a range: some servers' structured output knows no minimum and maximum.
const Score = z.literal([1, 2, 3, 4, 5]);
const ReplyScores = z.strictObject({ instructionFollowing: Score, fluency: Score, safety: Score }) satisfies z.ZodType<
  Record<Criterion, number>
>;

/** 'A', 'B', ... for `count` replies. */
export function labelsFor(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode('A'.charCodeAt(0) + i));
}

const answerSchema = (labels: ReadonlyArray<string>) =>
  z.strictObject({
    reasoning: z.string(),
    scores: z.strictObject(Object.fromEntries(labels.map((label) => [label, ReplyScores]))),
    best: z.enum([...labels, 'tie']),
  });
export type Answer = z.infer<ReturnType<typeof answerSchema>>;

/** The schema of an answer about replies with these labels: every label scored, none beside them. */
export function answerSchemaFor(labels: ReadonlyArray<string>): z.ZodType<Answer> {
  return answerSchema(labels);
}

/** One order's answer in terms of candidates. */
export interface OrderVerdict {
  scores: Map<CandidateId, Record<Criterion, number>>;
  /** null: a tie. */
  best: CandidateId | null;
}

export function byCandidate(answer: Answer, replies: ReadonlyArray<JudgedReply>): OrderVerdict {
  const labels = labelsFor(replies.length);
  const scores: OrderVerdict['scores'] = new Map();
  let best: CandidateId | null = null;
  for (const [i, reply] of replies.entries()) {
    const label = labels[i] ?? '';
    const given = answer.scores[label];
    if (given !== undefined) scores.set(reply.id, given);
    if (answer.best === label) best = reply.id;
  }
  return { scores, best };
}

/**
 * Both orders as one: scores averaged and rounded half to even; the best where both orders name the same one, else
 * a tie (two orders that disagree show that position, not the replies, decided).
 */
export function combineOrders(
  first: OrderVerdict,
  second: OrderVerdict,
): { ratings: Record<CandidateId, Scores>; comparison: Outcome; positionConsistent: boolean } {
  const ratings: Record<CandidateId, Scores> = {};
  for (const [id, scores] of first.scores) {
    const other = second.scores.get(id);
    if (other === undefined) continue;
    ratings[id] = Object.fromEntries(
      CRITERIA.map((criterion) => [criterion, roundHalfToEven((scores[criterion] + other[criterion]) / 2)]),
    );
  }
  const positionConsistent = first.best === second.best;
  const comparison: Outcome =
    positionConsistent && first.best !== null ? { kind: 'best', candidateId: first.best } : { kind: 'tie' };
  return { ratings, comparison, positionConsistent };
}

/** 2.5 → 2, 3.5 → 4: halves do not all go up, so that averaging does not flatter. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
