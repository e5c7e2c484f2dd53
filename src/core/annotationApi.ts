// What the labeling server and its clients (the page, the demo's panel, scripts) say to each other, under /api: the
// annotator's part. The rest is in annotation/: project.ts, people.ts, lead.ts, exchange.ts.
// The server parses with these schemas; the page imports their types only. Nothing here names a model: labeling is blind.
//
// A request that changes something and is signed in by cookie must carry the header `x-fourfold-request: 1`.
import { z } from 'zod';
import { Password, ROLES } from './annotation/people.ts';
import { Ask, CriterionCard } from './annotation/project.ts';
import { AnnotatorId, ArtifactId, CandidateId, ItemId, ProjectId, PromptId } from './ids.ts';
import { AudioFile, judgementDetails, Message, type Outcome, Scores, SubmissionId } from './records.ts';

/** Name and value of the header that no form of another site can send. */
export const REQUEST_HEADER = 'x-fourfold-request';

/**
 * POST /api/session. Either the token, which reads `<annotator id>:<secret>`, as `fourfold annotators add` prints it, or
 * the id and password of someone who took an invitation. DELETE /api/session signs out.
 */
export const SessionRequest = z.union([
  z.strictObject({ token: z.string().min(1).max(512) }),
  z.strictObject({ annotatorId: AnnotatorId, password: z.string().min(1).max(200) }),
]);
export type SessionRequest = z.input<typeof SessionRequest>;

/** Where an annotator stands in the project. */
export const Standing = z.strictObject({
  /** Whether they confirmed the guidelines as they read now. True where there are none. */
  guidelinesRead: z.boolean(),
  qualification: z
    .strictObject({
      state: z.enum(['open', 'passed', 'failed']),
      /** The attempt that is under way or was the last, from 1. */
      attempt: z.int(),
      attempts: z.int(),
      answered: z.int(),
      items: z.int(),
      /** Mean score of the last finished attempt, or null. */
      score: z.number().nullable(),
      passMark: z.number(),
    })
    .nullable(),
  /** Why no task comes: below the bar on known answers, or stopped by a lead. */
  paused: z.strictObject({ reason: z.enum(['gold', 'lead']), at: z.iso.datetime() }).nullable(),
});
export type Standing = z.infer<typeof Standing>;

/** GET /api/me */
export const Me = z.strictObject({
  annotator: z.strictObject({ id: AnnotatorId, name: z.string(), simulated: z.boolean(), role: z.enum(ROLES) }),
  candidateSetId: ArtifactId,
  projectId: ProjectId,
  standing: Standing,
});
export type Me = z.infer<typeof Me>;

/** The session is in the cookie as well; a script sends `Authorization: Bearer <sessionToken>`. */
export const SessionReply = Me.extend({ sessionToken: z.string(), expiresAt: z.iso.datetime() });
export type SessionReply = z.infer<typeof SessionReply>;

/** POST /api/invitations/accept: as SessionReply; `token` is a personal token where no password was chosen. */
export const AcceptReply = SessionReply.extend({ token: z.string().nullable() });
export type AcceptReply = z.infer<typeof AcceptReply>;

/** GET /api/project: what every annotator may know of the work. */
export const ProjectReply = z.strictObject({
  id: ProjectId,
  candidateSetId: ArtifactId,
  title: z.string(),
  /** Markdown; empty where there are none. */
  guidelines: z.string(),
  criteria: z.array(CriterionCard),
  ask: Ask,
  leaseMinutes: z.number(),
  qualification: z.strictObject({ items: z.int(), passMark: z.number(), attempts: z.int() }).nullable(),
});
export type ProjectReply = z.infer<typeof ProjectReply>;

/** POST /api/guidelines/read (empty body {}): the annotator has read the guidelines as they are now. */
export const StandingReply = z.strictObject({ standing: Standing });
export type StandingReply = z.infer<typeof StandingReply>;

/**
 * One annotator's own progress: `done` counts judged and skipped items, `total` all that they may be shown.
 * `remaining`: labels that the whole project still lacks; null where everyone may label everything.
 */
export const OwnProgress = z.strictObject({
  done: z.int(),
  skipped: z.int(),
  total: z.int(),
  remaining: z.int().nullable(),
});
export type OwnProgress = z.infer<typeof OwnProgress>;

const DAY_MS = 24 * 60 * 60 * 1000;
const Ratings = z.record(CandidateId, Scores);
const Comparison = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('best'), candidateId: CandidateId }),
  z.strictObject({ kind: z.literal('tie') }),
  /** Where the task asks for no comparison. */
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('skip'), reason: z.string().max(500).nullable() }),
]);

/** What an annotator says of an item. */
export const VerdictBody = z.strictObject({ ratings: Ratings, comparison: Comparison, ...judgementDetails });
export type VerdictBody = z.infer<typeof VerdictBody>;

/** Whatever the page keeps of a task that is not submitted: JSON of at most 64 KB. */
export const DraftBody = z
  .json()
  .refine((draft) => JSON.stringify(draft).length <= 64 * 1024, 'expected 64 KB at most');

export const TaskCandidate = z.strictObject({
  /** 'A', 'B', ... in the order in which this annotator sees them. */
  key: z.string(),
  candidateId: CandidateId,
  text: z.string(),
  /** A path on this server that answers range requests; only where the reply is spoken. */
  audio: AudioFile.omit({ file: true }).extend({ url: z.string() }).optional(),
});
export type TaskCandidate = z.infer<typeof TaskCandidate>;

/** One item as one annotator sees it: candidates in an order of their own, lettered from A. */
export const Task = z.strictObject({
  itemId: ItemId,
  promptId: PromptId,
  messages: z.array(Message),
  candidates: z.array(TaskCandidate),
  criteria: z.array(CriterionCard),
  /** What is asked of this very item: a pairwise project asks for the `best` where an item has more than two. */
  ask: Ask,
  /** `qualification`: the answer is known and told afterwards. Gold items are not marked. */
  round: z.enum(['qualification', 'work']),
  /** Until when it waits for this annotator; null where it always does. */
  leaseExpiresAt: z.iso.datetime().nullable(),
  /** What the page saved last with PUT /api/tasks/:itemId/draft, or null. */
  draft: z.json().nullable(),
  /** What this annotator said of it before (after undo, or on going back), or null. */
  judgement: VerdictBody.extend({ durationMs: z.number().nullable() }).nullable(),
});
export type Task = z.infer<typeof Task>;

/** Why there is a task, or none. `wait`: others have what is left; some of it may come back. */
export const QUEUE_STATES = ['task', 'done', 'wait', 'paused', 'not-qualified'] as const;

/**
 * GET /api/tasks/next?exclude=ID,ID. `exclude`: items that the client holds already (shown, fetched ahead, or still to
 * be sent). An item handed out before and not judged comes first, the oldest of them.
 */
export const NextReply = z.strictObject({
  state: z.enum(QUEUE_STATES),
  task: Task.nullable(),
  progress: OwnProgress,
  standing: Standing,
});
export type NextReply = z.infer<typeof NextReply>;

/** GET /api/tasks/:itemId (one's own only), and the reply to DELETE /api/tasks/:itemId/judgement (undo). */
export const TaskReply = z.strictObject({ task: Task, progress: OwnProgress });
export type TaskReply = z.infer<typeof TaskReply>;

/** GET /api/tasks/recent?limit=20: one's own judgements of real work, newest first. */
export const RecentReply = z.strictObject({
  judgements: z.array(
    z.strictObject({
      itemId: ItemId,
      /** Beginning of the prompt's last turn. */
      excerpt: z.string(),
      comparison: z.enum(['best', 'tie', 'none', 'skip']),
      createdAt: z.iso.datetime(),
    }),
  ),
});
export type RecentReply = z.infer<typeof RecentReply>;

/** PUT /api/tasks/:itemId/draft. DELETE /api/tasks/:itemId/lease gives an unjudged item back. */
export const DraftRequest = z.strictObject({ draft: DraftBody.nullable() });
export type DraftRequest = z.infer<typeof DraftRequest>;
export const DraftReply = z.strictObject({ leaseExpiresAt: z.iso.datetime().nullable() });
export type DraftReply = z.infer<typeof DraftReply>;

/**
 * PUT /api/tasks/:itemId/judgement. Every candidate on every criterion where ratings are asked for, or a skip without
 * ratings. The same submissionId sent again for the item is answered as the first time and writes nothing.
 */
export const JudgementRequest = VerdictBody.extend({
  submissionId: SubmissionId.optional(),
  /** Time on the item, in milliseconds. */
  durationMs: z.number().min(0).max(DAY_MS).nullable(),
  /** Replaces an earlier judgement of one's own. */
  revise: z.boolean().default(false),
});
export type JudgementRequest = z.input<typeof JudgementRequest>;
/** The request as the server reads it. */
export type ParsedJudgement = z.output<typeof JudgementRequest>;

/** What the qualification round tells after an answer. */
export const Feedback = z.strictObject({
  /** Share of the checked parts that were right, 0 to 1. */
  score: z.number(),
  expected: z.strictObject({ best: CandidateId.nullable().optional(), ratings: Ratings.optional() }),
  explanation: z.string(),
});
export type Feedback = z.infer<typeof Feedback>;

/** `saved`: a record was written; `unchanged`: the very same judgement was there already. */
export const JudgementReply = z.strictObject({
  judgementId: z.string(),
  status: z.enum(['saved', 'unchanged']),
  progress: OwnProgress,
  standing: Standing,
  feedback: Feedback.nullable(),
});
export type JudgementReply = z.infer<typeof JudgementReply>;

/** GET /api/progress. An annotator sees their own line only. */
export const ProgressReply = z.strictObject({
  candidateSetId: ArtifactId,
  annotators: z.array(OwnProgress.extend({ annotatorId: AnnotatorId })),
});
export type ProgressReply = z.infer<typeof ProgressReply>;

/** `code` is one of core/errors.ts, or 'too-many'. */
/** The body of a request or reply that says nothing more. */
export const Empty = z.strictObject({});

export const ErrorReply = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });
export type ErrorReply = z.infer<typeof ErrorReply>;

/** PUT /api/account/password: the old one is asked for where there is one. Other sessions of the account end. */
export const PasswordChange = z.strictObject({ current: z.string().max(512).nullable(), password: Password });
export type PasswordChange = z.infer<typeof PasswordChange>;

/** What one verdict may say, as far as it is compared. */
type Said = { ratings: Record<string, Scores>; comparison: Outcome } & {
  [K in keyof typeof judgementDetails]?: unknown;
};

/** Whether a judgement on record says the same as a request (time aside). */
export function isSameVerdict(a: Said, b: Said): boolean {
  const said = (one: Said) => [
    one.ratings,
    one.comparison,
    Object.keys(judgementDetails).map((key) => Reflect.get(one, key) ?? null),
  ];
  return canonical(said(a)) === canonical(said(b));
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
