// What leads and admins see of the work: progress, raters, agreement, disputes. Routes under /api/lead.
// No model is named here either: whoever adjudicates is blind as the raters are.
import { z } from 'zod';
import { VerdictBody } from '../annotationApi.ts';
import { AnnotatorId, CandidateId, ItemId, PromptId } from '../ids.ts';
import { Message } from '../records.ts';
import { CriterionCard, ProjectSettings } from './project.ts';

/** A figure with its 95 % interval. */
export const Interval = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.infer<typeof Interval>;
const figure = Interval.nullable();

/** How fresh a computed reply is: figures are kept until the log has grown, and computed beside the labeling. */
const computed = {
  /** When the figures were computed. */
  computedAt: z.iso.datetime(),
  /** Judgements since then. */
  behind: z.int(),
};

/** Something a lead should know of. */
export const Notice = z.strictObject({
  kind: z.enum(['annotator-paused', 'qualification-failed', 'gate-shut', 'webhook-failed']),
  subject: z.string(),
  /** In plain English, for a lead. */
  text: z.string(),
  at: z.iso.datetime(),
});
export type Notice = z.infer<typeof Notice>;

/** GET /api/lead/overview */
export const OverviewReply = z.strictObject({
  settings: ProjectSettings,
  items: z.strictObject({
    total: z.int(),
    /** Have as many labels as the project asks for (one, where everyone may label everything). */
    complete: z.int(),
    /** Have a label, but not all. */
    started: z.int(),
    /** Are with an annotator now. */
    leased: z.int(),
    inDispute: z.int(),
    adjudicated: z.int(),
  }),
  labels: z.strictObject({ given: z.int(), skipped: z.int(), needed: z.int().nullable() }),
  /** Labels an hour over the last hours of work, and when the rest will be done at that pace; null where unknown. */
  pace: z.strictObject({ perHour: z.number().nullable(), finishAt: z.iso.datetime().nullable() }),
  /** Labels by day (UTC), oldest first. */
  daily: z.array(z.strictObject({ day: z.string(), labels: z.int(), skipped: z.int() })),
  /** Gold answers so far and their mean score. */
  gold: z.strictObject({ answers: z.int(), score: z.number().nullable() }),
  notices: z.array(Notice),
  /** Annotators who labeled something in the last ten minutes. */
  activeNow: z.int(),
});
export type OverviewReply = z.infer<typeof OverviewReply>;

/** Bias of a rater's choices: the share found, what no bias would give, and their difference with its interval. */
export const Bias = z.strictObject({
  share: z.number(),
  expected: z.number(),
  difference: Interval,
  choices: z.int(),
});
export type Bias = z.infer<typeof Bias>;

/** One rater's record. */
export const RaterRow = z.strictObject({
  id: AnnotatorId,
  name: z.string(),
  simulated: z.boolean(),
  labels: z.int(),
  skipped: z.int(),
  /** Labels an hour, over the hours in which they worked. */
  perHour: z.number().nullable(),
  /** Median and 90th percentile of the seconds on an item. */
  secondsMedian: z.number().nullable(),
  secondsP90: z.number().nullable(),
  lastAt: z.iso.datetime().nullable(),
  /** Share of the items judged by others too on which the same reply was named best (or both a tie). */
  agreementWithOthers: figure,
  /** By criterion: mean score given, and mean difference from the others on the same replies. */
  criteria: z.record(z.string(), z.strictObject({ mean: z.number(), differenceFromOthers: figure })),
  gold: z.strictObject({ answers: z.int(), score: figure }),
  /** Mean over consecutive tenths of their work, oldest first: score given, agreement with others, seconds. */
  drift: z.array(
    z.strictObject({
      from: z.iso.datetime(),
      labels: z.int(),
      meanScore: z.number().nullable(),
      agreement: z.number().nullable(),
      seconds: z.number().nullable(),
    }),
  ),
  /** How often the reply shown first is named best. */
  positionBias: Bias.nullable(),
  /** How often the longest reply is named best. */
  lengthBias: Bias.nullable(),
  qualification: z.enum(['not-needed', 'open', 'passed', 'failed']),
  paused: z.strictObject({ reason: z.enum(['gold', 'lead']), at: z.iso.datetime() }).nullable(),
});
export type RaterRow = z.infer<typeof RaterRow>;

/** GET /api/lead/raters. POST /api/lead/raters/:annotatorId/pause and .../resume (empty body {}) reply a RaterState. */
export const RatersReply = z.strictObject({ ...computed, raters: z.array(RaterRow) });
export type RatersReply = z.infer<typeof RatersReply>;
export const RaterState = z.strictObject({ paused: RaterRow.shape.paused });
export type RaterState = z.infer<typeof RaterState>;

/** Agreement on one criterion, or on `comparison`: which reply is better. */
export const AgreementRow = z.strictObject({
  criterion: z.string(),
  /** What was rated: a reply on the criterion, or an item. */
  units: z.int(),
  ratings: z.int(),
  alpha: z.strictObject({ nominal: figure, ordinal: figure, interval: figure }),
  fleissKappa: figure,
  /** At most the 45 pairs with the most units in common. */
  cohenKappa: z.array(z.strictObject({ raters: z.tuple([z.string(), z.string()]), units: z.int(), kappa: figure })),
  percentAgreement: figure,
  /** The project's bar on the ordinal alpha (nominal for `comparison`), null where there is none. */
  bar: z.number().nullable(),
  /** Whether pairs may be built as far as this row goes. */
  gate: z.enum(['none', 'open', 'shut']),
});
export type AgreementRow = z.infer<typeof AgreementRow>;

/** Agreement of a judge with the raters, on the items that both judged. */
export const JudgeRow = z.strictObject({
  judge: z.string(),
  items: z.int(),
  /** The judge's best reply against the raters' most frequent answer. */
  percentAgreement: figure,
  kappa: figure,
  /** By criterion: correlation of its scores with the raters' mean. */
  correlation: z.record(z.string(), figure),
  missing: z.int(),
});
export type JudgeRow = z.infer<typeof JudgeRow>;

/** GET /api/lead/agreement */
export const AgreementReply = z.strictObject({
  ...computed,
  rows: z.array(AgreementRow),
  judges: z.array(JudgeRow),
  gate: z.strictObject({ state: z.enum(['none', 'open', 'shut']), reasons: z.array(z.string()) }),
});
export type AgreementReply = z.infer<typeof AgreementReply>;

/** GET /api/lead/disputes?offset=0&limit=50&adjudicated=false: the widest apart first. */
export const DisputesReply = z.strictObject({
  total: z.int(),
  disputes: z.array(
    z.strictObject({
      itemId: ItemId,
      excerpt: z.string(),
      raters: z.int(),
      /** 0 (all say the same) to 1; the greater of the two below. */
      disagreement: z.number(),
      /** Share of the pairs of raters who name different replies best. */
      comparison: z.number(),
      /** Widest range of scores given to one reply on one criterion, in points. */
      scoreRange: z.number(),
      adjudicated: z.boolean(),
    }),
  ),
});
export type DisputesReply = z.infer<typeof DisputesReply>;

/** One rater's answer, as the adjudication page shows it. */
const Answer = VerdictBody.omit({ comparison: true }).extend({
  comparison: z.discriminatedUnion('kind', [
    ...VerdictBody.shape.comparison.options,
    z.strictObject({ kind: z.literal('missing'), reason: z.string() }),
  ]),
  /** 'human:ann-1' or 'judge:rule-based'. */
  source: z.string(),
  /** The order in which this source saw the candidates. */
  presented: z.array(CandidateId),
  createdAt: z.iso.datetime(),
  durationMs: z.number().nullable(),
});

/** GET /api/lead/items/:itemId. PUT /api/lead/items/:itemId/adjudication takes an AdjudicationRequest, replies the same. */
export const ItemReply = z.strictObject({
  itemId: ItemId,
  promptId: PromptId,
  messages: z.array(Message),
  candidates: z.array(
    z.strictObject({
      key: z.string(),
      candidateId: CandidateId,
      text: z.string(),
      audio: z.strictObject({ url: z.string(), type: z.string(), seconds: z.number().nullable() }).optional(),
    }),
  ),
  criteria: z.array(CriterionCard),
  answers: z.array(Answer),
  /** The verdict that counts over the raters', or null. */
  adjudication: Answer.nullable(),
});
export type ItemReply = z.infer<typeof ItemReply>;

/** The lead's verdict on an item; parts that are not asked of raters may be left out (ratings {}, comparison none). */
export const AdjudicationRequest = VerdictBody.extend({
  submissionId: z
    .string()
    .regex(/^[\w-]{8,64}$/)
    .optional(),
});
export type AdjudicationRequest = z.input<typeof AdjudicationRequest>;

/** GET and PATCH /api/lead/project (a ProjectChange) */
export const SettingsReply = z.strictObject({ settings: ProjectSettings });
export type SettingsReply = z.infer<typeof SettingsReply>;

/** GET /api/lead/webhooks: newest first. */
export const WebhooksReply = z.strictObject({
  deliveries: z.array(
    z.strictObject({
      id: z.string(),
      event: z.enum(['batch.complete', 'project.complete', 'annotator.paused']),
      createdAt: z.iso.datetime(),
      attempts: z.int(),
      state: z.enum(['waiting', 'delivered', 'given-up']),
      lastError: z.string().nullable(),
    }),
  ),
});
export type WebhooksReply = z.infer<typeof WebhooksReply>;
