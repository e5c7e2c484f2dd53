// The records that phases exchange, each parsed once where it enters. One shape serves humans and judges.
import { z } from 'zod';
import { groupBy } from './groupBy.ts';
import { AnnotatorId, ArtifactId, CandidateId, contentId, ItemId, ProjectId, PromptId } from './ids.ts';

export const Message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type Message = z.infer<typeof Message>;

export const SPLITS = ['train', 'heldout'] as const;

/** A prompt, with the reply that a person wrote for it where there is one. */
export const Prompt = z.strictObject({
  id: PromptId,
  dimension: z.string().min(1).nullable().default(null),
  split: z.enum(SPLITS).default('train'),
  /** The conversation up to the turn that is to be answered; its last message is the user's. */
  messages: z.array(Message).min(1),
  demonstration: z.string().min(1).nullable().default(null),
});
export type Prompt = z.infer<typeof Prompt>;

/** One line of a prompt file: either `prompt` (one user turn) or `messages`. */
export const PromptLine = z
  .strictObject({
    id: PromptId,
    dimension: z.string().min(1).optional(),
    split: z.enum(SPLITS).optional(),
    prompt: z.string().min(1).optional(),
    messages: z.array(Message).min(1).optional(),
    demonstration: z.string().min(1).optional(),
  })
  .refine((line) => (line.prompt === undefined) !== (line.messages === undefined), 'expected either prompt or messages')
  .transform(
    (line): Prompt => ({
      id: line.id,
      dimension: line.dimension ?? null,
      split: line.split ?? 'train',
      messages: line.messages ?? [{ role: 'user', content: line.prompt ?? '' }],
      demonstration: line.demonstration ?? null,
    }),
  );

/** Sampling settings of one reply. temperature 0 is greedy; topK 0 and topP 1 switch those filters off. */
export const Sampling = z.strictObject({
  temperature: z.number().min(0),
  topK: z.int().min(0),
  topP: z.number().gt(0).max(1),
  maxNewTokens: z.int().min(1),
});
export type Sampling = z.infer<typeof Sampling>;

/** Spoken form of a reply: a file inside the candidate set's folder. */
export const AudioFile = z.strictObject({
  /** Path relative to the candidate set's folder, below audio/. */
  file: z.string().regex(/^audio\/[\w][\w.-]*$/, 'expected a file below audio/'),
  type: z.enum(['audio/wav', 'audio/mpeg', 'audio/ogg', 'audio/flac', 'audio/webm', 'audio/mp4']),
  /** Length in seconds, null where it is not known. */
  seconds: z.number().min(0).nullable(),
});
export type AudioFile = z.infer<typeof AudioFile>;

/** One reply by one model version. `model` is an artefact id, or the name of a model behind a server. */
export const Candidate = z.strictObject({
  id: CandidateId,
  promptId: PromptId,
  model: z.string().min(1),
  sampleIndex: z.int().min(0),
  seed: z.int(),
  sampling: Sampling,
  text: z.string(),
  /** 'stop': the model ended its turn; 'length': it ran out of tokens. */
  finishReason: z.enum(['stop', 'length']),
  audio: AudioFile.optional(),
});
export type Candidate = z.infer<typeof Candidate>;

/** What one labeling task shows: a prompt and two to six of its candidates. */
export interface Item {
  id: ItemId;
  candidateSetId: ArtifactId;
  promptId: PromptId;
  candidateIds: CandidateId[];
}

/** Bundled criteria, scored from 1 (worst) to 5 (best). */
export const CRITERIA = ['instructionFollowing', 'fluency', 'safety'] as const;
export type Criterion = (typeof CRITERIA)[number];
export const Scores = z.record(z.string().min(1), z.int().min(1).max(5));
export type Scores = z.infer<typeof Scores>;

/** Who judged. A simulated rater says so wherever it is recorded; a judge names its prompt or rules by hash. */
export const JudgementSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('human'), annotatorId: AnnotatorId, simulated: z.boolean() }),
  z.strictObject({ kind: z.literal('judge'), judge: z.string().min(1), promptHash: z.string().min(1) }),
]);
export type JudgementSource = z.infer<typeof JudgementSource>;

/** A stable name of the source: 'human:ann-1' or 'judge:rule-based'. */
export function sourceKey(source: JudgementSource): string {
  switch (source.kind) {
    case 'human':
      return `human:${source.annotatorId}`;
    case 'judge':
      return `judge:${source.judge}`;
    default:
      return source satisfies never;
  }
}

/** What the source said of the item as a whole. A failure is missing data with its reason, never a score. */
export const Outcome = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('best'), candidateId: CandidateId }),
  z.strictObject({ kind: z.literal('tie') }),
  /** Rated, with no word on which is better. */
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('skip'), reason: z.string().nullable() }),
  z.strictObject({ kind: z.literal('missing'), reason: z.string().min(1) }),
]);
export type Outcome = z.infer<typeof Outcome>;

/** Made by the client, once a submission. */
export const SubmissionId = z.string().regex(/^[\w-]{8,64}$/, 'expected 8 to 64 letters, digits, dash and underscore');

/** What a rater may mark in a reply. */
export const FLAGS = ['harmful', 'nonsense', 'private'] as const;
export type Flag = (typeof FLAGS)[number];

/** What a judgement may say besides ratings and comparison; each part is there only where something was said. */
export const judgementDetails = {
  /** With a `best` of two candidates, by how much: 1 slightly, 2 clearly, 3 much better. */
  strength: z.int().min(1).max(3).optional(),
  /** With a `tie`: neither reply is any good. */
  bothBad: z.literal(true).optional(),
  /** All candidates, best first; those that are level share a place. */
  ranking: z.array(z.array(CandidateId).min(1)).min(1).optional(),
  /** A reply as it should have been. */
  corrections: z.record(CandidateId, z.string().min(1).max(20_000)).optional(),
  flags: z.record(CandidateId, z.array(z.enum(FLAGS)).min(1)).optional(),
  comment: z.string().min(1).max(4000).optional(),
};

/** One source's judgement of one item: a rating of each candidate and a comparison among them. */
export const Judgement = z.strictObject({
  id: z.string().min(1),
  candidateSetId: ArtifactId,
  itemId: ItemId,
  promptId: PromptId,
  source: JudgementSource,
  /** The candidates in the order in which this source saw them. */
  presented: z.array(CandidateId).min(1),
  /** Scores by candidate id; empty where the item was skipped or the judgement is missing. */
  ratings: z.record(CandidateId, Scores),
  comparison: Outcome,
  durationMs: z.number().min(0).nullable(),
  createdAt: z.iso.datetime(),
  ...judgementDetails,
  /** The labeling project it was given in. */
  projectId: ProjectId.optional(),
  /** The client's own id of the submission, by which one sent again is known. */
  submissionId: SubmissionId.optional(),
  /** `gold`: the answer was known beforehand. `adjudication`: a lead's verdict, which counts over the raters'. */
  role: z.enum(['gold', 'adjudication']).optional(),
  /** Given after the time for the item had run out, while another rater may have had it. */
  late: z.literal(true).optional(),
  /** Takes back what the source said of the item before. */
  withdrawn: z.literal(true).optional(),
});
export type Judgement = z.infer<typeof Judgement>;

/** A chosen / rejected pair with all that made it. */
export const Pair = z.strictObject({
  id: z.string().min(1),
  promptId: PromptId,
  split: z.enum(SPLITS),
  chosenId: CandidateId,
  rejectedId: CandidateId,
  chosen: z.string(),
  rejected: z.string(),
  /** Probability in [0.5, 1] that chosen is better, as the merged judgements have it. */
  softLabel: z.number().min(0).max(1),
  /** Difference of the merged utilities, in the merge's own unit, at least 0. */
  margin: z.number().min(0),
  provenance: z.strictObject({
    judgementIds: z.array(z.string()),
    /** Preference for chosen by source key: above 0 for chosen, 0 for a tie, below 0 for rejected. */
    preferences: z.record(z.string(), z.number()),
    models: z.strictObject({ chosen: z.string(), rejected: z.string() }),
  }),
});
export type Pair = z.infer<typeof Pair>;

/**
 * The items of a candidate set: its candidates grouped by prompt, at most `size` an item (two at least).
 * The same set gives the same items with the same ids.
 */
export function itemsOf(candidateSetId: ArtifactId, candidates: ReadonlyArray<Candidate>, size = 6): Item[] {
  const byPrompt = groupBy(candidates, (candidate) => candidate.promptId);
  const items: Item[] = [];
  for (const [promptId, group] of byPrompt) {
    const count = Math.max(1, Math.ceil(group.length / size));
    for (let part = 0; part < count; part++) {
      const candidateIds = group.filter((_, i) => i % count === part).map((candidate) => candidate.id);
      if (candidateIds.length < 2) continue;
      const id = ItemId.parse(`item-${contentId(candidateSetId, promptId, part)}`);
      items.push({ id, candidateSetId, promptId, candidateIds });
    }
  }
  return items;
}
