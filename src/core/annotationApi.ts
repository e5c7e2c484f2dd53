// What the labeling server and its clients (the page, the demo's panel, scripts) say to each other, under /api.
// The server parses with these schemas; the page imports their types only. Nothing here names a model: labeling is blind.
import { z } from 'zod';
import { AnnotatorId, ArtifactId, CandidateId, ItemId, PromptId } from './ids.ts';
import { Message, type Outcome, Scores } from './records.ts';

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

const CriterionText = z.strictObject({
  name: z.string().min(1),
  question: z.string().min(1),
  /** What each score means, from 1 (worst) to 5 (best). */
  anchors: z.array(z.string().min(1)).length(5),
});
export type CriterionText = z.infer<typeof CriterionText>;

/** A criterion as annotators see it. `id` is the key in the ratings. */
export const CriterionCard = z.strictObject({
  id: z.string().min(1),
  text: z.record(z.enum(LANGUAGES), CriterionText),
});
export type CriterionCard = z.infer<typeof CriterionCard>;

/** POST /api/session. The token reads `<annotator id>:<secret>`, as `fourfold annotators add` prints it. */
export const SessionRequest = z.strictObject({ token: z.string().min(1).max(512) });
export type SessionRequest = z.infer<typeof SessionRequest>;

export const Me = z.strictObject({
  annotator: z.strictObject({ id: AnnotatorId, name: z.string(), simulated: z.boolean() }),
  candidateSetId: ArtifactId,
});
export type Me = z.infer<typeof Me>;

/** The session is in the cookie as well; a script sends `Authorization: Bearer <sessionToken>`. */
export const SessionReply = Me.extend({ sessionToken: z.string(), expiresAt: z.iso.datetime() });
export type SessionReply = z.infer<typeof SessionReply>;

/** One annotator's own progress: `done` counts judged and skipped items. */
export const OwnProgress = z.strictObject({ done: z.int(), skipped: z.int(), total: z.int() });
export type OwnProgress = z.infer<typeof OwnProgress>;

/** One item as one annotator sees it: candidates in an order of their own, lettered from A. */
export const Task = z.strictObject({
  itemId: ItemId,
  promptId: PromptId,
  messages: z.array(Message),
  candidates: z.array(z.strictObject({ key: z.string(), candidateId: CandidateId, text: z.string() })),
  criteria: z.array(CriterionCard),
});
export type Task = z.infer<typeof Task>;

/** GET /api/tasks/next. `task` is null when nothing is left for this annotator. */
export const NextReply = z.strictObject({ task: Task.nullable(), progress: OwnProgress });
export type NextReply = z.infer<typeof NextReply>;

const DAY_MS = 24 * 60 * 60 * 1000;

/** PUT /api/tasks/:itemId/judgement. Every candidate on every criterion, or a skip without ratings. */
export const JudgementRequest = z.strictObject({
  ratings: z.record(CandidateId, Scores),
  comparison: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('best'), candidateId: CandidateId }),
    z.strictObject({ kind: z.literal('tie') }),
    z.strictObject({ kind: z.literal('skip'), reason: z.string().max(500).nullable() }),
  ]),
  /** Time on the item, in milliseconds. */
  durationMs: z.number().min(0).max(DAY_MS).nullable(),
  /** Replaces an earlier judgement of one's own. */
  revise: z.boolean().default(false),
});
export type JudgementRequest = z.input<typeof JudgementRequest>;

/** `saved`: a record was written; `unchanged`: the very same judgement was there already. */
export const JudgementReply = z.strictObject({
  judgementId: z.string(),
  status: z.enum(['saved', 'unchanged']),
  progress: OwnProgress,
});
export type JudgementReply = z.infer<typeof JudgementReply>;

/** GET /api/progress. An annotator sees their own line only. */
export const ProgressReply = z.strictObject({
  candidateSetId: ArtifactId,
  annotators: z.array(OwnProgress.extend({ annotatorId: AnnotatorId })),
});
export type ProgressReply = z.infer<typeof ProgressReply>;

export const ErrorReply = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });
export type ErrorReply = z.infer<typeof ErrorReply>;

/** Whether a judgement on record says the same as a request (time aside). */
export function isSameVerdict(
  a: { ratings: Record<string, Scores>; comparison: Outcome },
  b: { ratings: Record<string, Scores>; comparison: Outcome },
): boolean {
  return canonical([a.ratings, a.comparison]) === canonical([b.ratings, b.comparison]);
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
