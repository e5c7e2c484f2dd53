// The artefacts in which phases meet: one union on `kind`. The bytes live in the artefact's folder, this is its card.
import { z } from 'zod';
import { ArtifactId, RunId } from './ids.ts';

const base = {
  id: ArtifactId,
  /** What it was made from. */
  parents: z.array(ArtifactId),
  seed: z.int(),
  /** The resolved configuration of the command that made it. */
  config: z.record(z.string(), z.unknown()),
  /** Numeric back end, null where no tensor was involved. */
  engine: z.string().nullable(),
  /** SHA-256 of each file in the folder, by relative path. */
  files: z.record(z.string(), z.string()),
  /** The round of respond, rate, reward, reinforce that it belongs to, from 1. */
  round: z.int().min(1),
  runId: RunId.nullable(),
  createdAt: z.iso.datetime(),
  /** Headline figures, by name. */
  metrics: z.record(z.string(), z.number()),
};

/** Who judged what went into a pair set: the end of every lineage. */
const JudgementSummary = z.strictObject({
  source: z.string(),
  kind: z.enum(['human', 'simulated', 'judge']),
  judgements: z.int(),
  promptHash: z.string().nullable(),
});

export const Artifact = z.discriminatedUnion('kind', [
  /** prompts.jsonl */
  z.strictObject({ ...base, kind: z.literal('prompt-set') }),
  /** tokenizer.json, tokenizer_config.json */
  z.strictObject({ ...base, kind: z.literal('tokenizer') }),
  /** config.json, model.safetensors, tokenizer files */
  z.strictObject({ ...base, kind: z.literal('model'), role: z.enum(['base', 'sft', 'policy', 'imported']) }),
  /** prompts.jsonl, candidates.jsonl, items.jsonl */
  z.strictObject({ ...base, kind: z.literal('candidate-set'), versions: z.array(z.string()) }),
  /** pairs.jsonl, judgements.jsonl (a copy of those used) */
  z.strictObject({ ...base, kind: z.literal('pair-set'), sources: z.array(JudgementSummary) }),
  /** config.json, model.safetensors (with a score head), tokenizer files */
  z.strictObject({ ...base, kind: z.literal('reward-model') }),
  /** evaluation.json, samples.jsonl */
  z.strictObject({ ...base, kind: z.literal('evaluation') }),
]);
export type Artifact = z.infer<typeof Artifact>;
export type ArtifactKind = Artifact['kind'];
export type ArtifactOf<K extends ArtifactKind> = Extract<Artifact, { kind: K }>;
