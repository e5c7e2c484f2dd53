import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { policyLoss, valueLoss } from './loss.ts';

beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
});

/** Inputs of one token each: the policy's ratio to the old one, and the advantage. */
const tokensOf = (ratios: number[], advantages: number[]) => ({
  logProbs: tf.tensor1d(ratios.map((ratio) => Math.log(ratio) - 2)),
  oldLogProbs: tf.tensor1d(ratios.map(() => -2)),
  advantages: tf.tensor1d(advantages),
});

const figuresOf = (ratios: number[], advantages: number[]) =>
  tf.tidy(() => {
    const result = policyLoss(tokensOf(ratios, advantages), 0.2);
    return Object.fromEntries(
      Object.entries(result).map(([name, scalar]) => [name, (scalar as tf.Scalar).dataSync()[0] ?? Number.NaN]),
    );
  });

/** ∂loss/∂log π of each token. */
const gradientOf = (ratios: number[], advantages: number[]) =>
  tf.tidy(() => {
    const { logProbs, ...rest } = tokensOf(ratios, advantages);
    const gradient = tf.grad((given) => policyLoss({ logProbs: given, ...rest }, 0.2).loss);
    return Array.from(gradient(logProbs).dataSync());
  });

describe('policy loss', () => {
  test('takes the worse of the plain and the clipped surrogate', () => {
    // ε = 0.2. A = 1, ρ = 1.5: max(-1.5, -1.2) = -1.2, clipped.  A = -1, ρ = 1.5: max(1.5, 1.2) = 1.5.
    // A = 1, ρ = 0.5: max(-0.5, -0.8) = -0.5.                    A = -1, ρ = 0.5: max(0.5, 0.8) = 0.8, clipped.
    const figures = figuresOf([1.5, 1.5, 0.5, 0.5], [1, -1, 1, -1]);
    expect(figures.loss).toBeCloseTo((-1.2 + 1.5 - 0.5 + 0.8) / 4, 6);
    expect(figures.clipFraction).toBe(0.5);
    expect(figures.ratioMax).toBeCloseTo(1.5, 6);
    // (ρ - 1) - ln ρ: 0.5 - 0.405465 = 0.094535 and -0.5 + 0.693147 = 0.193147, half each
    expect(figures.approxKl).toBeCloseTo(0.143841, 5);
  });

  test('at the old policy: ratio 1, no divergence, nothing clipped, loss the negated mean advantage', () => {
    expect(figuresOf([1, 1, 1], [2, -1, 5])).toEqual({ loss: -2, approxKl: 0, clipFraction: 0, ratioMax: 1 });
  });

  test('clipped tokens have no gradient, others -A ρ / n', () => {
    const gradient = gradientOf([1.5, 1.5, 0.5, 0.5, 1.1], [1, -1, 1, -1, 3]);
    const expected = [0, 1.5 / 5, -0.5 / 5, 0, (-3 * 1.1) / 5];
    for (const [i, value] of expected.entries()) expect(gradient[i]).toBeCloseTo(value, 5);
  });

  test('gradients agree with central differences', () => {
    const [ratios, advantages] = [
      [0.7, 0.9, 1.05, 1.4, 0.75],
      [1.3, -0.4, 0.8, -2, -1],
    ];
    const analytic = gradientOf(ratios, advantages);
    const step = 1e-2;
    for (const i of ratios.keys()) {
      const at = (shift: number) =>
        figuresOf(
          ratios.map((ratio, j) => (j === i ? ratio * Math.exp(shift) : ratio)),
          advantages,
        ).loss ?? Number.NaN;
      expect((at(step) - at(-step)) / (2 * step)).toBeCloseTo(analytic[i] ?? Number.NaN, 3);
    }
  });

  test("at the old policy its gradient is REINFORCE's", () => {
    // Published with RLOO in TRL (Ahmadian and Huang 2024): logits (1, 2, 1, 1), action 1, advantage 1.
    // softmax = (e, e², e, e) / 15.544; one-hot - softmax = (-0.1749, 0.5246, -0.1749, -0.1749): the loss's, negated.
    const gradient = tf.tidy(() => {
      const logProbOf = (logits: tf.Tensor) => tf.slice(tf.logSoftmax(logits), [1], [1]);
      const logits = tf.tensor1d([1, 2, 1, 1]);
      const oldLogProbs = tf.tensor1d(Array.from(logProbOf(logits).dataSync()));
      const loss = (given: tf.Tensor) =>
        policyLoss({ logProbs: logProbOf(given), oldLogProbs, advantages: tf.tensor1d([1]) }, 0.2).loss;
      return Array.from(tf.grad(loss)(logits).dataSync());
    });
    for (const [i, value] of [-0.1749, 0.5246, -0.1749, -0.1749].entries()) {
      expect(gradient[i]).toBeCloseTo(-value, 4);
    }
  });
});

describe('value loss', () => {
  const lossOf = (values: number[], oldValues: number[], returns: number[]) =>
    tf.tidy(
      () =>
        valueLoss(
          { values: tf.tensor1d(values), oldValues: tf.tensor1d(oldValues), returns: tf.tensor1d(returns) },
          0.2,
        ).dataSync()[0] ?? Number.NaN,
    );

  test('takes the worse of the plain and the clipped error', () => {
    // V = 1, V_old = 0, R = 2: V_clip = 0.2; max((1 - 2)², (0.2 - 2)²) = 3.24. V = 2, V_old = 2.05, R = 2: 0.
    expect(lossOf([1, 2], [0, 2.05], [2, 2])).toBeCloseTo((0.5 * 3.24) / 2, 6);
    // Moving away from the return is not clipped: V = -1, V_old = 0, R = 2: max(9, 2.2²) = 9
    expect(lossOf([-1], [0], [2])).toBeCloseTo(4.5, 6);
  });

  test('within the range it is half the squared error, with gradient (V - R) / n', () => {
    expect(lossOf([1.1, 0.9], [1, 1], [2, 0])).toBeCloseTo((0.5 * (0.81 + 0.81)) / 2, 6);
    const gradient = tf.tidy(() => {
      const [oldValues, returns] = [tf.tensor1d([1, 1, 0]), tf.tensor1d([2, 0, 2])];
      const loss = (values: tf.Tensor) => valueLoss({ values, oldValues, returns }, 0.2);
      return Array.from(
        tf
          .grad(loss)(tf.tensor1d([1.1, 0.9, 1]))
          .dataSync(),
      );
    });
    // The third has moved too far towards its return: clipped, no gradient.
    for (const [i, value] of [-0.9 / 3, 0.9 / 3, 0].entries()) expect(gradient[i]).toBeCloseTo(value, 5);
  });
});
