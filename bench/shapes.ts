// The models and batches that this benchmark and its peer have in common: Llama with tied embeddings, float32, random
// weights; tokens are random ids, so both sides do the same arithmetic.
import { randomFrom, seedOf } from '../src/core/random.ts';
import * as tf from '../src/engine/tf.ts';
import { llamaConfig } from '../src/model/architectures/llama.ts';
import type { ModelConfig } from '../src/model/config.ts';
import { initialParameters, type Parameters } from '../src/model/parameters.ts';

/** vocab, hidden, layers, heads, width of the feed-forward layer; those with gpu have 0.11, 0.34 and 0.99 billion parameters. */
const SIZES = {
  nano: [512, 64, 5, 8, 172],
  small: [4096, 256, 6, 8, 688],
  stories15m: [32_000, 288, 6, 6, 768],
  gpu125m: [32_000, 768, 12, 12, 2048],
  gpu350m: [32_000, 1024, 24, 16, 2816],
  gpu1b: [32_000, 2048, 18, 32, 5632],
} as const;

export type ShapeName = keyof typeof SIZES;
export const SHAPES = Object.keys(SIZES) as ShapeName[];

/** How much of everything one timed unit takes. */
export interface Amounts {
  /** Fine-tuning: rows a step, tokens of each, and how many of them are the masked prompt. */
  sft: { rows: number; length: number; prompt: number };
  /** The reward model: pairs a step, tokens of each of the two. */
  reward: { pairs: number; length: number; prompt: number };
  /** Roll-outs and PPO. */
  rollout: { rows: number; prompt: number; newTokens: number; temperature: number };
}

const FOR_CPU: Amounts = {
  sft: { rows: 8, length: 128, prompt: 32 },
  reward: { pairs: 8, length: 128, prompt: 32 },
  rollout: { rows: 16, prompt: 32, newTokens: 64, temperature: 0.7 },
};
/** A GPU is not filled by 8 x 128 tokens: 8192 a training step, or half as many where memory asks for it. */
const forGpu = (rows: number): Amounts => ({
  sft: { rows, length: 1024, prompt: 256 },
  reward: { pairs: rows, length: 512, prompt: 128 },
  rollout: { rows: 32, prompt: 128, newTokens: 128, temperature: 0.7 },
});
const AMOUNTS: Partial<Record<ShapeName, Amounts>> = { gpu125m: forGpu(8), gpu350m: forGpu(8), gpu1b: forGpu(4) };

export interface Shape {
  config: ModelConfig;
  amounts: Amounts;
}

/** A named shape: its model and the amounts that go with it. */
export function shapeOf(name: ShapeName): Shape {
  const [vocab, hidden, layers, heads, intermediate] = SIZES[name];
  const amounts = AMOUNTS[name] ?? FOR_CPU;
  const config = llamaConfig({
    ...{ vocab, hidden, intermediate, layers, heads, kvHeads: heads, headDim: hidden / heads },
    ...{ maxPositions: Math.max(512, amounts.sft.length), normEpsilon: 1e-6, ropeTheta: 10_000, tieEmbeddings: true },
  });
  return { config, amounts };
}

/** Values beyond which a tensor is filled on the device: random numbers of a billion parameters take minutes to draw. */
const MOST_DRAWN = 2 ** 16;

/** Parameters to measure with: random as in a new model, large tensors by a formula whose values look random. */
export function benchParameters(shapes: ReadonlyMap<string, number[]>): Parameters {
  const isLarge = ([, shape]: [string, number[]]) => tf.util.sizeFromShape(shape) > MOST_DRAWN;
  const drawn = initialParameters(new Map([...shapes].filter((entry) => !isLarge(entry))), 0);
  return new Map(
    [...shapes].map(([name, shape], place) => [name, drawn.get(name) ?? filled(shape, place)] as [string, tf.Variable]),
  );
}

/** 0.028·sin(a·b) has the standard deviation 0.02; a counts rows in steps of no simple ratio to those of columns. */
function filled(shape: number[], place: number): tf.Variable {
  const initial = tf.tidy(() => {
    const [rows = 1, columns = 1] = shape;
    const row = tf.reshape(tf.mul(tf.range(1, rows + 1), 0.618034 + place / 1000), [rows, 1]);
    const column = tf.reshape(tf.add(tf.range(1, columns + 1), 0.414214), [1, columns]);
    return tf.mul(tf.sin(tf.mul(row, column)), 0.028);
  });
  const variable = tf.variable(initial);
  initial.dispose();
  return variable;
}

/** Random ids above the special tokens. @returns rows of `length` ids */
export function randomIds({ vocab }: ModelConfig, rows: number, length: number, seed = 1): number[][] {
  const random = randomFrom(seedOf('bench', seed));
  return Array.from({ length: rows }, () => Array.from({ length }, () => 4 + random.integer(vocab - 4)));
}
