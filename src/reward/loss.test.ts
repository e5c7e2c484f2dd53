import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { bradleyTerryLoss } from './loss.ts';

beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
});

interface Pairs {
  chosen: number[];
  rejected: number[];
  softLabels: number[];
  margins: number[];
}

const tensorsOf = (pairs: Pairs) => ({
  chosen: tf.tensor1d(pairs.chosen),
  rejected: tf.tensor1d(pairs.rejected),
  softLabels: tf.tensor1d(pairs.softLabels),
  margins: tf.tensor1d(pairs.margins),
});

const lossOf = (pairs: Pairs, centering = 0, totalPairs = pairs.chosen.length): number =>
  tf.tidy(() => bradleyTerryLoss(tensorsOf(pairs), { centering, totalPairs }).dataSync()[0] ?? Number.NaN);

/** Gradients with respect to chosen and rejected. */
function gradientsOf(pairs: Pairs, centering = 0): number[][] {
  return tf.tidy(() => {
    const { chosen, rejected, ...rest } = tensorsOf(pairs);
    const totalPairs = pairs.chosen.length;
    const gradient = tf.grads((r1, r2) =>
      bradleyTerryLoss({ chosen: r1, rejected: r2, ...rest }, { centering, totalPairs }),
    );
    return gradient([chosen, rejected]).map((tensor) => Array.from(tensor.dataSync()));
  });
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const pair = (change: Partial<Record<keyof Pairs, number>> = {}): Pairs => {
  const { chosen = 0, rejected = 0, softLabels = 1, margins = 0 } = change;
  return { chosen: [chosen], rejected: [rejected], softLabels: [softLabels], margins: [margins] };
};

test('a hard label: -log σ(r₁ - r₂)', () => {
  // Equal rewards: ln 2. A lead of 2: -ln(1 / (1 + e⁻²)) = ln(1 + e⁻²) = 0.126928. Behind by 2: 2.126928.
  expect(lossOf(pair())).toBeCloseTo(Math.LN2, 6);
  expect(lossOf(pair({ chosen: 1.5, rejected: -0.5 }))).toBeCloseTo(0.126928, 5);
  expect(lossOf(pair({ chosen: -0.5, rejected: 1.5 }))).toBeCloseTo(2.126928, 5);
});

test('a soft label mixes both directions', () => {
  // p = 0.8, d = 1: 0.8 ln(1 + e⁻¹) + 0.2 ln(1 + e) = 0.8 · 0.313262 + 0.2 · 1.313262 = 0.513262
  expect(lossOf(pair({ chosen: 1, softLabels: 0.8 }))).toBeCloseTo(0.513262, 5);
});

test('a margin is taken off the lead', () => {
  // d = 3 - 1 - 1.5 = 0.5: ln(1 + e^-0.5) = 0.474077
  expect(lossOf(pair({ chosen: 3, rejected: 1, margins: 1.5 }))).toBeCloseTo(0.474077, 5);
});

test('centring adds c (r₁ + r₂)², and draws the sum to 0 while the difference stays free', () => {
  // 0.1 (2 + 1)² = 0.9 over ln(1 + e⁻¹)
  expect(lossOf(pair({ chosen: 2, rejected: 1 }), 0.1)).toBeCloseTo(0.9 + 0.313262, 5);
  expect(lossOf(pair({ chosen: 2, rejected: -2 }), 0.1)).toBeCloseTo(lossOf(pair({ chosen: 2, rejected: -2 })), 6);
});

test('pairs are summed and divided by the total, so that parts add up to the batch', () => {
  const all: Pairs = { chosen: [1, 0, 2], rejected: [0, 1, 2], softLabels: [1, 0.9, 0.6], margins: [0, 0.2, 0] };
  const part = (from: number, to: number): Pairs =>
    Object.fromEntries(Object.entries(all).map(([key, values]) => [key, values.slice(from, to)])) as unknown as Pairs;
  expect(lossOf(part(0, 1), 0.01, 3) + lossOf(part(1, 3), 0.01, 3)).toBeCloseTo(lossOf(all, 0.01), 6);
});

test('the gradient is σ(d) - p for chosen and its opposite for rejected', () => {
  const [chosen, rejected] = gradientsOf(pair({ chosen: 1, rejected: 0.5, softLabels: 0.9, margins: 0.2 }));
  expect(chosen?.[0]).toBeCloseTo(logistic(0.3) - 0.9, 5);
  expect(rejected?.[0]).toBeCloseTo(0.9 - logistic(0.3), 5);
});

test('a label of one half has no gradient at equal rewards, and pulls unequal ones together', () => {
  expect(
    gradientsOf(pair({ chosen: 0.7, rejected: 0.7, softLabels: 0.5 }))
      .flat()
      .map(Math.abs),
  ).toEqual([0, 0]);
  const [chosen = [0]] = gradientsOf(pair({ chosen: 1, softLabels: 0.5 }));
  expect(chosen[0]).toBeGreaterThan(0.1);
});

test('gradients agree with central differences', () => {
  const pairs: Pairs = {
    chosen: [0.3, -1.2, 2.5],
    rejected: [0.1, 0.4, -0.7],
    softLabels: [1, 0.6, 0.85],
    margins: [0, 0.5, 1],
  };
  const analytic = gradientsOf(pairs, 0.05);
  const step = 1e-2;
  for (const [side, name] of (['chosen', 'rejected'] as const).entries()) {
    for (const i of pairs[name].keys()) {
      const at = (shift: number) =>
        lossOf({ ...pairs, [name]: pairs[name].map((value, j) => (j === i ? value + shift : value)) }, 0.05);
      expect((at(step) - at(-step)) / (2 * step)).toBeCloseTo(analytic[side]?.[i] ?? Number.NaN, 3);
    }
  }
});

test('far-off rewards overflow nowhere', () => {
  expect(lossOf(pair({ chosen: -300, rejected: 300 }))).toBeCloseTo(600, 2);
  expect(lossOf(pair({ chosen: 300, rejected: -300 }))).toBeCloseTo(0, 6);
  expect(gradientsOf(pair({ chosen: -300, rejected: 300 })).flat()).toEqual([-1, 1]);
});
