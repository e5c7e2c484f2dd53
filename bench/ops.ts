// Speed of each fused operation on the wasm back end, ours beside tfjs's own kernels: one JSON line a case.
// Run: npm run build && node dist/bench/ops.js [part of a name] [--threads N]
// With --threads, ours on one thread beside ours on N instead, in turns, since other programs disturb both alike.
import { parseArgs } from 'node:util';
import { AdamW } from '../src/engine/adamW.ts';
import { startEngine } from '../src/engine/backend.ts';
import { startStockWasm } from '../src/engine/backends/wasm.ts';
import { type AttentionInput, attention, attentionReference } from '../src/engine/ops/attention.ts';
import { linear, linearReference } from '../src/engine/ops/linear.ts';
import { rmsNorm, rmsNormReference } from '../src/engine/ops/rmsNorm.ts';
import { logSoftmax, logSoftmaxReference } from '../src/engine/ops/softmax.ts';
import { swiglu, swigluReference } from '../src/engine/ops/swiglu.ts';
import { tokenLogProbs, tokenLogProbsReference } from '../src/engine/ops/tokenLogProbs.ts';
import * as tf from '../src/engine/tf.ts';

interface Case {
  name: string;
  /** Floating-point operations of one run, in units of 1e9; null where bytes matter more. */
  gflop: number | null;
  ours: () => tf.Tensor | tf.Tensor[];
  stock: () => tf.Tensor | tf.Tensor[];
}

const uniform = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);

function linearCases(): Case[] {
  const shapes = [
    [2048, 256, 768],
    [2048, 768, 256],
    [512, 288, 4096],
    [16, 288, 768],
    [1, 288, 768],
    [16, 64, 192],
  ] as const;
  return shapes.flatMap(([rows, width, out]) => {
    const [x, weight, dy] = [uniform([rows, width], 1), uniform([out, width], 2), uniform([rows, out], 3)];
    const gflop = (2 * rows * width * out) / 1e9;
    const label = `${rows}x${width}x${out}`;
    const input = (): tf.Tensor => tf.matMul(dy, weight);
    const gradient = (): tf.Tensor => tf.matMul(dy, x, true, false);
    return [
      { name: `linear ${label}`, gflop, ours: () => linear(x, weight), stock: () => linearReference(x, weight) },
      { name: `linear dx ${label}`, gflop, ours: input, stock: input },
      { name: `linear dW ${label}`, gflop, ours: gradient, stock: gradient },
    ];
  });
}

const pair = (name: string, gflop: number | null, ours: Case['ours'], stock: Case['stock']): Case => ({
  name,
  gflop,
  ours,
  stock,
});

/** From a given gradient of the result: that of a sum would be spread by tfjs's tile, which takes longer than attention. */
const gradientOf = (f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor) => () =>
  tf.grads(f)(inputs, dy);

/** A shape of its own, and those of the steps of `nano`, `small` and `stories15m`: batch, time, heads, dim. */
function attentionCases(): Case[] {
  const shapes = [
    [4, 256, 4, 64],
    [8, 128, 8, 8],
    [8, 128, 8, 32],
    [8, 128, 6, 48],
  ] as const;
  return shapes.flatMap((shape) => {
    const [batch, time, heads, dim] = shape;
    const inputs = [1, 2, 3].map((seed) => uniform([...shape], seed));
    const dOut = uniform([...shape], 10);
    const starts = Array.from({ length: batch }, (_, i) => (time === 256 ? i * 10 : 0));
    const keyStart = tf.tensor1d(starts, 'int32');
    const run = (f: typeof attention) => (query?: tf.Tensor, key?: tf.Tensor, value?: tf.Tensor) =>
      f({ query, key, value, keyStart } as AttentionInput);
    const gflop = (4 * batch * heads * time * time * dim) / 2e9;
    const [label, ours, stock] = [shape.join('x'), run(attention), run(attentionReference)];
    return [
      pair(
        `attention ${label}`,
        gflop,
        () => ours(...inputs),
        () => stock(...inputs),
      ),
      pair(
        `attention forward+backward ${label}`,
        gflop * 3.5,
        gradientOf(ours, inputs, dOut),
        gradientOf(stock, inputs, dOut),
      ),
    ];
  });
}

function fusedCases(): Case[] {
  const hidden = uniform([512, 256], 1);
  const weight = tf.variable(uniform([4096, 256], 2));
  const targets = tf.range(0, 512, 1, 'int32');
  const [wide, gain] = [uniform([2048, 256], 4), uniform([256], 5)];
  const [gate, up] = [uniform([2048, 768], 6), uniform([2048, 768], 7)];
  const logits = uniform([512, 4096], 8);
  const logProbGflop = (2 * 512 * 256 * 4096) / 1e9;
  const score = { hidden, weight, targets };
  const dLogProbs = uniform([512], 9);
  return [
    pair(
      'tokenLogProbs 512x256x4096',
      logProbGflop,
      () => Object.values(tokenLogProbs(score)),
      () => Object.values(tokenLogProbsReference(score)),
    ),
    pair(
      'tokenLogProbs forward+backward',
      logProbGflop * 4,
      gradientOf((h) => tokenLogProbs({ ...score, hidden: h as tf.Tensor }).logProbs, [hidden, weight], dLogProbs),
      gradientOf(
        (h) => tokenLogProbsReference({ ...score, hidden: h as tf.Tensor }).logProbs,
        [hidden, weight],
        dLogProbs,
      ),
    ),
    pair(
      'rmsNorm 2048x256',
      null,
      () => rmsNorm(wide, gain, 1e-5),
      () => rmsNormReference(wide, gain, 1e-5),
    ),
    pair(
      'swiglu 2048x768',
      null,
      () => swiglu(gate, up),
      () => swigluReference(gate, up),
    ),
    pair(
      'logSoftmax 512x4096',
      null,
      () => logSoftmax(logits),
      () => logSoftmaxReference(logits),
    ),
  ];
}

function adamWCase(): Case {
  const variable = (): Map<string, tf.Variable> => new Map([['w', tf.variable(uniform([1024, 1024], 1))]]);
  const gradients = new Map([['w', uniform([1024, 1024], 2)]]);
  const [mine, theirs] = [
    new AdamW({ learningRate: 1e-3, weightDecay: 0.1 }),
    new AdamW({ learningRate: 1e-3, weightDecay: 0.1 }),
  ];
  const [a, b] = [variable(), variable()];
  const run = (optimiser: AdamW, variables: Map<string, tf.Variable>) => (): tf.Tensor[] => {
    optimiser.step(variables, gradients);
    return [];
  };
  return { name: 'adamW 1M', gflop: null, ours: run(mine, a), stock: run(theirs, b) };
}

/** The least of the times of runs over half a second at most, in milliseconds. */
function leastMs(run: () => tf.Tensor | tf.Tensor[], budgetMs = 500): number {
  let least = Number.POSITIVE_INFINITY;
  const stop = performance.now() + budgetMs;
  for (let i = 0; i < 200 && (i < 3 || performance.now() < stop); i++) {
    const start = performance.now();
    const result = run();
    least = Math.min(least, performance.now() - start);
    tf.dispose(result);
  }
  return least;
}

const ratesOf = (gflop: number | null, rates: Record<string, number>): Record<string, number> =>
  gflop === null ? {} : Object.fromEntries(Object.entries(rates).map(([key, ms]) => [key, round((gflop / ms) * 1e3)]));

const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const casesNamed = (wanted: string): Case[] =>
  [...linearCases(), ...attentionCases(), ...fusedCases(), adamWCase()].filter(({ name }) => name.includes(wanted));

async function besideStock(wanted: string): Promise<void> {
  await startStockWasm();
  tf.enableProdMode();
  const cases = casesNamed(wanted);
  const stockMs = cases.map(({ stock }) => leastMs(() => tf.tidy(stock)));
  await startEngine({ backend: 'wasm' });
  for (const [i, { name, gflop, ours }] of cases.entries()) {
    const [mine, theirs] = [leastMs(() => tf.tidy(ours)), stockMs[i] ?? Number.NaN];
    const rates = ratesOf(gflop, { gflops: mine, stockGflops: theirs });
    print({ name, ms: round(mine), stockMs: round(theirs), times: round(theirs / mine), ...rates });
  }
}

async function besideOneThread(wanted: string, threads: number): Promise<void> {
  await startEngine({ backend: 'wasm', threads, note: (line) => process.stderr.write(`${line}\n`) });
  for (const { name, gflop, ours } of casesNamed(wanted)) {
    let [one, all] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = 0; i < 60; i++) {
      await startEngine({ backend: 'wasm', threads: 1 });
      one = Math.min(
        one,
        leastMs(() => tf.tidy(ours), 20),
      );
      await startEngine({ backend: 'wasm', threads });
      all = Math.min(
        all,
        leastMs(() => tf.tidy(ours), 20),
      );
    }
    const rates = ratesOf(gflop, { gflops: one, threadsGflops: all });
    print({ name, ms: round(one), threadsMs: round(all), times: round(one / all), ...rates });
  }
}

async function main(): Promise<void> {
  const options = { threads: { type: 'string', default: '1' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [wanted, threads] = [positionals[0] ?? '', Number(values.threads)];
  await (threads > 1 ? besideOneThread(wanted, threads) : besideStock(wanted));
}

const round = (value: number): number => Number(value.toPrecision(3));

await main();
