// A labeling project: what annotators are asked about a candidate set, how many of them see each item, and what holds
// the quality up. The settings are data; nothing here reads a file or the clock.
import { z } from 'zod';
import { ArtifactId, CandidateId, ItemId, ProjectId } from '../ids.ts';
import { Scores } from '../records.ts';

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

const CriterionText = z.strictObject({
  name: z.string().min(1).max(80),
  question: z.string().min(1).max(400),
  /** What each score means, from 1 (worst) to 5 (best). */
  anchors: z.array(z.string().min(1).max(200)).length(5),
});
export type CriterionText = z.infer<typeof CriterionText>;

/** A criterion as annotators see it. `id` is the key in the ratings. */
export const CriterionCard = z.strictObject({
  id: z.string().regex(/^[A-Za-z][\w-]{0,39}$/, 'expected a short name of letters and digits'),
  text: z.record(z.enum(LANGUAGES), CriterionText),
});
export type CriterionCard = z.infer<typeof CriterionCard>;

/**
 * How candidates are compared. `strength`: two candidates from "much better" to "tie", or both bad; an item of more
 * than two is asked for its `best` instead. `ranking`: all of them in order, ties allowed.
 */
export const COMPARISONS = ['none', 'best', 'strength', 'ranking'] as const;
export type ComparisonKind = (typeof COMPARISONS)[number];

/** What one task asks for. */
export const Ask = z.strictObject({
  /** Every candidate on every criterion of the project, 1 to 5. */
  ratings: z.boolean(),
  comparison: z.enum(COMPARISONS),
  /** The annotator may write a reply as it should have been. */
  correction: z.boolean(),
  /** Harmful, nonsense, private data, of each candidate. */
  flags: z.boolean(),
  comment: z.boolean(),
  skip: z.boolean(),
});
export type Ask = z.infer<typeof Ask>;

/** An item whose answer is known: a share of the stated parts is the score of an annotator's answer. */
export const KnownAnswer = z.strictObject({
  itemId: ItemId,
  /** The best candidate, or null for a tie; left out where the comparison is not checked. */
  best: CandidateId.nullable().optional(),
  /** Scores that are checked; an answer within `tolerance` points is right. */
  ratings: z.record(CandidateId, Scores).optional(),
  tolerance: z.int().min(0).max(4).default(1),
  /** Shown after the answer in the qualification round. */
  explanation: z.string().max(2000).default(''),
});
export type KnownAnswer = z.infer<typeof KnownAnswer>;

const share = z.number().min(0).max(1);

export const Qualification = z.strictObject({
  items: z.array(KnownAnswer).min(1).max(50),
  /** Mean score over the items from which an annotator goes on to real work. */
  passMark: share.default(0.7),
  attempts: z.int().min(1).max(10).default(2),
});
export type Qualification = z.infer<typeof Qualification>;

export const Gold = z.strictObject({
  items: z.array(KnownAnswer).min(1),
  /** Share of an annotator's tasks that are gold, unmarked among the others. */
  rate: z.number().gt(0).max(0.5).default(0.05),
  /** Mean score over the last `window` gold answers below which the annotator is paused. */
  bar: share.default(0.6),
  window: z.int().min(1).default(10),
  /** Nobody is paused on fewer gold answers than this. */
  minimum: z.int().min(1).default(4),
});
export type Gold = z.infer<typeof Gold>;

/** Ordinal alpha that a criterion must reach before pairs are built; `comparison` stands for which reply is better. */
export const Gate = z.strictObject({
  bars: z.record(z.string().min(1), z.number().min(-1).max(1)),
  /** Items that two or more raters judged, below which the gate stays shut. */
  minimumItems: z.int().min(1).default(20),
});
export type Gate = z.infer<typeof Gate>;

const Webhook = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** Key of the HMAC-SHA256 signature. */
  secret: z.string().min(16).max(200),
  /** Told after every so many complete items, and at the end. */
  batchItems: z.int().min(1).default(100),
});

/** What is asked where a project says nothing else: criteria from 1 to 5 and the best reply, as the bundled page does. */
export const DEFAULT_ASK: Ask = {
  ratings: true,
  comparison: 'best',
  correction: false,
  flags: false,
  comment: false,
  skip: true,
};

/** `projects/<id>/project.json`: a candidate set may have one project at a time. */
export const Project = z.strictObject({
  id: ProjectId,
  candidateSetId: ArtifactId,
  title: z.string().min(1).max(200),
  /** Markdown. */
  guidelines: z.string().max(100_000).default(''),
  criteria: z.array(CriterionCard).max(12),
  ask: Ask.default(DEFAULT_ASK),
  /** How many distinct annotators label each item; null: everyone may label everything. */
  overlap: z.int().min(1).max(100).nullable().default(null),
  /** How long an item waits for the annotator who has it; a saved draft renews it. */
  leaseMinutes: z
    .number()
    .gt(0)
    .max(7 * 24 * 60)
    .default(30),
  qualification: Qualification.nullable().default(null),
  gold: Gold.nullable().default(null),
  gate: Gate.nullable().default(null),
  webhook: Webhook.nullable().default(null),
});
export type Project = z.infer<typeof Project>;

/** The project as a lead may see it: without the webhook's key. */
export const ProjectSettings = Project.extend({
  webhook: Webhook.omit({ secret: true })
    .extend({ hasSecret: z.literal(true) })
    .nullable(),
});
export type ProjectSettings = z.infer<typeof ProjectSettings>;

/** PATCH /api/lead/project: only what is given changes. A webhook without a secret keeps the one it has. */
export const ProjectChange = z
  .strictObject({
    title: Project.shape.title,
    guidelines: z.string().max(100_000),
    criteria: Project.shape.criteria,
    ask: Ask,
    overlap: z.int().min(1).max(100).nullable(),
    leaseMinutes: z
      .number()
      .gt(0)
      .max(7 * 24 * 60),
    qualification: Qualification.nullable(),
    gold: Gold.nullable(),
    gate: Gate.nullable(),
    webhook: Webhook.extend({ secret: Webhook.shape.secret.optional() }).nullable(),
  })
  .partial();
export type ProjectChange = z.input<typeof ProjectChange>;
