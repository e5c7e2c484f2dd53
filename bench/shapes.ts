// The models and batches that this benchmark and its peer have in common: Llama with tied embeddings, float32, random
// weights; tokens are random ids, so both sides do the same arithmetic.
import { randomFrom, seedOf } from '../src/core/random.ts';
import { llamaConfig } from '../src/model/architectures/llama.ts';
import type { ModelConfig } from '../src/model/config.ts';

/** vocab, hidden, layers, heads, width of the feed-forward layer. */
const SIZES = {
  nano: [512, 64, 5, 8, 172],
  small: [4096, 256, 6, 8, 688],
  stories15m: [32_000, 288, 6, 6, 768],
} as const;

export type ShapeName = keyof typeof SIZES;
export const SHAPES = Object.keys(SIZES) as ShapeName[];

/** Sizes of the workloads. */
export const BATCH = { rows: 8, length: 128, prompt: 32 } as const;
export const ROLLOUT = { rows: 16, prompt: 32, newTokens: 64, temperature: 0.7 } as const;

/** The configuration of a named shape. */
export function shapeConfig(name: ShapeName): ModelConfig {
  const [vocab, hidden, layers, heads, intermediate] = SIZES[name];
  return llamaConfig({
    ...{ vocab, hidden, intermediate, layers, heads, kvHeads: heads, headDim: hidden / heads },
    ...{ maxPositions: 512, normEpsilon: 1e-6, ropeTheta: 10_000, tieEmbeddings: true },
  });
}

/** Random ids above the special tokens. @returns rows of `length` ids */
export function randomIds({ vocab }: ModelConfig, rows: number, length: number, seed = 1): number[][] {
  const random = randomFrom(seedOf('bench', seed));
  return Array.from({ length: rows }, () => Array.from({ length }, () => 4 + random.integer(vocab - 4)));
}
