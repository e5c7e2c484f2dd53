import { randomFrom } from '../../core/random.ts';
import { startEngine } from '../backend.ts';
import { presentBackends } from '../testing/backends.ts';
import { randomValues } from '../testing/cases.ts';
import { drawToken, probabilities } from '../testing/drawToken.ts';
import * as tf from '../tf.ts';
import { type SamplingRule, sample } from './sample.ts';

const OFF: SamplingRule = { temperature: 1, topK: 0, topP: 1 };
const backends = await presentBackends();

interface Row {
  token: number;
  logProb: number;
  entropy: number;
}

/** One draw for each uniform number, all from the same logits. */
async function draws(logits: Float32Array, uniforms: number[], rule: SamplingRule): Promise<Row[]> {
  const before = tf.memory().numTensors;
  const rows = tf.tidy(() => tf.tile(tf.tensor2d(logits, [1, logits.length]), [uniforms.length, 1]));
  const drawn = sample(rows, uniforms, rule);
  const values = await drawn.data();
  tf.dispose([rows, drawn]);
  expect(tf.memory().numTensors).toBe(before);
  return uniforms.map((_, i) => ({
    token: values[i] ?? Number.NaN,
    logProb: values[uniforms.length + i] ?? Number.NaN,
    entropy: values[2 * uniforms.length + i] ?? Number.NaN,
  }));
}
const tokens = async (logits: Float32Array, uniforms: number[], rule: SamplingRule) =>
  (await draws(logits, uniforms, rule)).map(({ token }) => token);

/** How often each token comes over a grid of uniforms: the length of its piece of [0, 1). */
async function shares(logits: Float32Array, rule: SamplingRule, steps = 1000): Promise<number[]> {
  const grid = Array.from({ length: steps }, (_, i) => (i + 0.5) / steps);
  const counts = new Array<number>(logits.length).fill(0);
  for (const token of await tokens(logits, grid, rule)) counts[token] = (counts[token] ?? 0) + 1;
  return counts.map((count) => count / steps);
}

/** Logits whose softmax at temperature 1 is this distribution. */
const logitsOf = (...values: number[]) => Float32Array.from(values, (p) => Math.log(p));

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startEngine({ backend }).then(() => undefined));

  test('greedy is the largest logit, the first of equals, whatever the uniform', async () => {
    const uniforms = [0, 0.5, 0.999999];
    const logits = Float32Array.of(1, 5, 5, -2);
    for (const rule of [
      { ...OFF, temperature: 0 },
      { ...OFF, topK: 1 },
      { ...OFF, topP: 1e-9 },
    ]) {
      expect(await tokens(logits, uniforms, rule)).toEqual([1, 1, 1]);
    }
    expect(await tokens(Float32Array.of(-3, -1, -2), [0.3], { ...OFF, temperature: 0 })).toEqual([1]);
  });

  test('a draw inverts the cumulative distribution', async () => {
    // Cumulative: 0.125, 0.375, 0.875, 1: in eighths, 1, 3, 7, 8.
    const uniforms = [0, 0.124, 0.126, 0.374, 0.376, 0.874, 0.876, 1 - 2 ** -32];
    expect(await tokens(logitsOf(0.125, 0.25, 0.5, 0.125), uniforms, OFF)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  test('a token of probability 0 is never drawn, not even by uniform 0', async () => {
    const logits = Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY);
    expect(await tokens(logits, [0, 0.5, 1 - 2 ** -32], OFF)).toEqual([1, 1, 1]);
  });

  test('temperature divides the logits', async () => {
    // Weights 1 : 4 at temperature 2 are 1 : sqrt(4) = 1 : 2; at 0.5 they are 1 : 16.
    const logits = Float32Array.of(0, Math.log(4));
    expect(await shares(logits, { ...OFF, temperature: 2 }, 999)).toEqual([333 / 999, 666 / 999]);
    expect(await shares(logits, { ...OFF, temperature: 0.5 }, 1700)).toEqual([100 / 1700, 1600 / 1700]);
  });

  test('top-k keeps the k most probable, those of the lowest ids among equals, and rescales', async () => {
    const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
    // 0.4 and 0.3 of 0.7: 4/7 and 3/7.
    expect(await shares(logits, { ...OFF, topK: 2 }, 700)).toEqual([0, 400 / 700, 0, 300 / 700]);
    expect(await shares(logits, { ...OFF, topK: 9 })).toEqual(await shares(logits, { ...OFF, topK: 4 }));
    expect(await shares(new Float32Array(4), { ...OFF, topK: 2 })).toEqual([0.5, 0.5, 0, 0]);
  });

  test('top-p keeps the smallest set that reaches p, within what top-k kept, after the temperature', async () => {
    const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
    // In order 0.4, 0.3, 0.2, 0.1; sums 0.4, 0.7, 0.9, 1.
    expect(await shares(logits, { ...OFF, topP: 0.65 }, 700)).toEqual([0, 400 / 700, 0, 300 / 700]);
    expect(await shares(logits, { ...OFF, topP: 0.75 }, 900)).toEqual([0, 400 / 900, 200 / 900, 300 / 900]);
    expect(await shares(logits, { ...OFF, topP: 0.3 })).toEqual([0, 1, 0, 0]);
    // Four equal tokens of exactly 1/4: two of them reach 0.5.
    expect(await shares(new Float32Array(4), { ...OFF, topP: 0.5 })).toEqual([0.5, 0.5, 0, 0]);
    // top-k 2 leaves 4/7 = 0.571 and 3/7; p = 0.5 is reached by the first alone, though it has only 0.4 of all.
    expect(await shares(logits, { ...OFF, topK: 2, topP: 0.5 })).toEqual([0, 1, 0, 0]);
    // Weights 1 : 4 : 2 : 3 squared (temperature 0.5): 1, 16, 4, 9 of 30; the first has 0.533 and reaches 0.5.
    expect(await shares(logits, { temperature: 0.5, topK: 0, topP: 0.5 })).toEqual([0, 1, 0, 0]);
  });

  test.each([
    ['NaN', [Number.NaN, Number.NaN]],
    ['plus infinity', [0, Number.POSITIVE_INFINITY]],
    ['minus infinity everywhere', [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ])('%s in the logits gives -1, no token', async (_name, values) => {
    for (const rule of [OFF, { ...OFF, temperature: 0 }, { ...OFF, topK: 2 }, { ...OFF, topP: 0.9 }]) {
      expect(await tokens(Float32Array.from(values), [0.5], rule)).toEqual([-1]);
    }
  });

  test.each([1, 7, 8, 9, 300, 4097])(
    'of %d tokens, log-probability and entropy are those of the whole distribution',
    async (vocab) => {
      const logits = randomValues(`logits ${vocab}`, vocab).map((value) => 3 * value);
      for (const rule of [OFF, { temperature: 0.7, topK: 3, topP: 0.9 }, { ...OFF, temperature: 0 }]) {
        const all = probabilities(logits, rule.temperature === 0 ? 1 : rule.temperature);
        const entropy = all.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
        for (const row of await draws(logits, [0.1, 0.5, 0.9], rule)) {
          expect(row.logProb).toBeCloseTo(Math.log(all[row.token] ?? 0), 4);
          expect(row.entropy).toBeCloseTo(entropy, 4);
        }
      }
    },
  );
});

describe('the kernel of wasm', () => {
  beforeAll(() => startEngine({ backend: 'wasm' }).then(() => undefined));

  const rules: [string, SamplingRule][] = [
    ['plain', OFF],
    ['cold', { ...OFF, temperature: 0.3 }],
    ['hot', { ...OFF, temperature: 1.7 }],
    ['top-k', { ...OFF, topK: 5 }],
    ['top-p', { ...OFF, topP: 0.8 }],
    ['both', { temperature: 1.3, topK: 40, topP: 0.9 }],
  ];
  test.each(rules)('draws the very token that double precision gives, %s', async (name, rule) => {
    const random = randomFrom(7);
    for (const vocab of [1, 7, 8, 9, 255, 256, 257, 4097]) {
      const logits = randomValues(`${name} ${vocab}`, vocab).map((value) => 4 * value);
      const uniforms = Array.from({ length: 60 }, () => random.uniform());
      const expected = uniforms.map((uniform) => drawToken(logits, rule, uniform));
      expect(await tokens(logits, uniforms, rule)).toEqual(expected);
    }
  });

  test('a border belongs to the next token, exactly', async () => {
    // Equal logits: weights exp(0) = 1 each, probabilities exactly 1/4.
    const uniforms = [0, 0.25, 0.5, 0.75, 0.25 - 2 ** -32, 0.5 - 2 ** -32, 0.75 - 2 ** -32];
    expect(await tokens(new Float32Array(4), uniforms, OFF)).toEqual([0, 1, 2, 3, 0, 1, 2]);
  });

  test('very large logits and very low temperatures stay finite', async () => {
    expect(await tokens(Float32Array.of(3e38, -3e38, 1), [0.1, 0.9], { ...OFF, temperature: 1e-30 })).toEqual([0, 0]);
    expect(await tokens(Float32Array.of(-1e30, -1e30), [0.1, 0.9], OFF)).toEqual([0, 1]);
  });
});
