// What a report shows, as plain data: stored as report.json beside the page, so that the page can be drawn again
// at any time. Only the title and the headline are required; a section without data is left out.
import { z } from 'zod';
import { Interval } from './interval.ts';

export const REPORT_VERSION = 1;

/** [x, y] */
const Point = z.tuple([z.number(), z.number()]);
export type Point = z.infer<typeof Point>;

/** Loss by optimiser step, natural logarithm, mean over the tokens that count. */
const LossCurve = z.strictObject({ train: z.array(Point), validation: z.array(Point).default([]) });
export type LossCurve = z.infer<typeof LossCurve>;

/** The roles that keep one colour and one mark through the whole report. */
export const ModelRole = z.enum(['base', 'sft', 'policy', 'other']);
export type ModelRole = z.infer<typeof ModelRole>;

/** The closing figures of the demo; whoever reports something else gives the ones there are. */
const Headline = z.strictObject({
  /** Null where nothing was put to the test. */
  passed: z.boolean().nullable(),
  /** Why it passed, or why not; one sentence each. Shown where there are no `checks`. */
  reasons: z.array(z.string()).default([]),
  /** What was put to the test, of which comparison (`of`), and how it came out, in one sentence. */
  checks: z.array(z.strictObject({ passed: z.boolean(), of: z.string().optional(), reason: z.string() })).default([]),
  /** Mean reward of the reward model on the held-out prompts. */
  reward: z.strictObject({ base: z.number(), sft: z.number(), policy: z.number() }).optional(),
  winRate: z.strictObject({ sftOverBase: Interval.optional(), policyOverSft: Interval.optional() }).optional(),
  /** KL from the SFT model to the policy, nats a reply. */
  kl: z.number().optional(),
  klTarget: z.number().optional(),
  /** Share of held-out pairs that are ordered as labelled. */
  rewardModel: z.strictObject({ accuracy: z.number(), lengthBaseline: z.number() }).optional(),
  seconds: z.number().optional(),
  seed: z.int().optional(),
  engine: z.string().optional(),
});
export type Headline = z.infer<typeof Headline>;

const PpoIteration = z.strictObject({
  step: z.int(),
  reward: z.number(),
  /** Nats a reply. */
  kl: z.number(),
  klCoefficient: z.number().optional(),
  /** Nats a token. */
  entropy: z.number().optional(),
  /** Tokens a reply. */
  replyLength: z.number().optional(),
  clipFraction: z.number().optional(),
  valueLoss: z.number().optional(),
  explainedVariance: z.number().optional(),
});
export type PpoIteration = z.infer<typeof PpoIteration>;

const PpoHistory = z.strictObject({ klTarget: z.number().nullable(), iterations: z.array(PpoIteration).min(1) });
export type PpoHistory = z.infer<typeof PpoHistory>;

const RewardModelHistory = z.strictObject({
  loss: LossCurve,
  /** Share of pairs that are ordered as labelled, 0 to 1. */
  accuracy: LossCurve,
  lengthBaseline: z.number().optional(),
});
export type RewardModelHistory = z.infer<typeof RewardModelHistory>;

const Training = z.strictObject({
  pretrain: LossCurve.optional(),
  sft: LossCurve.optional(),
  rewardModel: RewardModelHistory.optional(),
  ppo: PpoHistory.optional(),
});
export type Training = z.infer<typeof Training>;

const Comparison = z.strictObject({
  /** The model that is asked about and the one that it is held against. */
  a: z.string(),
  b: z.string(),
  judges: z
    .array(
      z.strictObject({
        /** As it is to be read: 'gold utility of the panel', 'rule-based judge', 'reward model'. */
        judge: z.string(),
        winRate: Interval,
        prompts: z.int(),
      }),
    )
    .min(1),
});
export type Comparison = z.infer<typeof Comparison>;

const RadarSection = z.strictObject({
  /** Whose utility it is, in [0, 1]. */
  judge: z.string(),
  dimensions: z.array(z.string()).min(3),
  models: z.array(
    z.strictObject({
      name: z.string(),
      role: ModelRole,
      /** In the order of `dimensions`. */
      values: z.array(Interval),
    }),
  ),
});
export type RadarSection = z.infer<typeof RadarSection>;

const SampleReply = z.strictObject({
  text: z.string(),
  finishReason: z.enum(['stop', 'length']).optional(),
  reward: z.number().optional(),
  utility: z.number().optional(),
});
export type SampleReply = z.infer<typeof SampleReply>;

const Samples = z.strictObject({
  /** How the prompts were chosen, in words. */
  rule: z.string(),
  models: z.array(z.strictObject({ name: z.string(), role: ModelRole })).min(1),
  items: z.array(
    z.strictObject({
      promptId: z.string(),
      dimension: z.string().nullable(),
      prompt: z.string(),
      /** In the order of `models`; null where a model gave none. */
      replies: z.array(SampleReply.nullable()),
    }),
  ),
});
export type Samples = z.infer<typeof Samples>;

const ReplyRow = z.strictObject({
  name: z.string(),
  role: ModelRole,
  reward: Interval.optional(),
  words: z.number(),
  tokens: z.number().optional(),
  stopShare: z.number(),
  repetition: z.number(),
  distinct2: z.number(),
  /** Nats a reply from `klReference`; absent for a model that was compared with none. */
  kl: z.number().optional(),
  /** The model from which KL is measured; reports of an earlier version leave it out. */
  klReference: z.string().optional(),
});
export type ReplyRow = z.infer<typeof ReplyRow>;

const Agreement = z.strictObject({
  measures: z.array(
    z.strictObject({
      /** 'Krippendorff’s alpha, ordinal' */
      name: z.string(),
      /** 'three raters', 'raters and rule-based judge' */
      between: z.string(),
      value: z.number(),
      low: z.number().optional(),
      high: z.number().optional(),
    }),
  ),
  raters: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['human', 'simulated', 'judge']),
      judgements: z.int(),
      /** Share of comparisons in which the rater or judge agrees with the others. */
      agreement: z.number().optional(),
      /** Estimated: mean score above (+) or below (-) the panel's, in points of the 1 to 5 scale. */
      bias: z.number().optional(),
      /** Weight of the rater in the merge. */
      reliability: z.number().optional(),
      note: z.string().optional(),
    }),
  ),
});
export type Agreement = z.infer<typeof Agreement>;

const LineageNode = z.strictObject({
  id: z.string(),
  kind: z.string(),
  parents: z.array(z.string()),
  /** SHA-256 over the artefact's file hashes, whole or a prefix. */
  sha256: z.string(),
  /** What a reader wants to know besides: sizes, versions, sources with their prompt hashes. */
  details: z.array(z.string()),
});
export type LineageNode = z.infer<typeof LineageNode>;

/** Nodes in any order; `root` is what the report is about. */
const LineageSection = z.strictObject({ root: z.string(), nodes: z.array(LineageNode) });
export type LineageSection = z.infer<typeof LineageSection>;

const Command = z.strictObject({ text: z.string(), command: z.string().optional() });
export type Command = z.infer<typeof Command>;

const HistoryPoint = z.strictObject({
  evaluation: z.string(),
  model: z.string(),
  createdAt: z.iso.datetime(),
  reward: Interval,
});
export type HistoryPoint = z.infer<typeof HistoryPoint>;

export const ReportData = z.strictObject({
  version: z.literal(REPORT_VERSION),
  title: z.string().min(1),
  /** One line under the title: what was run on what. */
  subtitle: z.string().optional(),
  createdAt: z.iso.datetime(),
  headline: Headline,
  /** Several comparisons, each by several judges. */
  winRates: z.array(Comparison).optional(),
  radar: RadarSection.optional(),
  samples: Samples.optional(),
  replies: z.array(ReplyRow).optional(),
  training: Training.optional(),
  history: z.array(HistoryPoint).optional(),
  agreement: Agreement.optional(),
  lineage: LineageSection.optional(),
  /** Resolved configuration by command. */
  configuration: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  reproduce: z.array(Command).optional(),
  nextSteps: z.array(Command).optional(),
});
export type ReportData = z.infer<typeof ReportData>;
/** What a maker writes: defaults may be left out. */
export type ReportInput = z.input<typeof ReportData>;
