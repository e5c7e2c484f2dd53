// Speed of a back end on this machine: matrix products, each fused operation forwards and backwards, one training step.
// Sizes are those of a model of 5.8 million parameters with a batch of 8 rows of 64 tokens.
import { randomFrom, seedOf } from '../core/random.ts';
import { AdamW } from '../engine/adamW.ts';
import { type BackendName, startEngine } from '../engine/backend.ts';
import { clipFactor, globalNorm, valueAndGradients } from '../engine/gradients.ts';
import { attention } from '../engine/ops/attention.ts';
import { embedding } from '../engine/ops/embedding.ts';
import { linear } from '../engine/ops/linear.ts';
import { rmsNorm } from '../engine/ops/rmsNorm.ts';
import { rotary, rotaryTables } from '../engine/ops/rotary.ts';
import { logSoftmax, softmax } from '../engine/ops/softmax.ts';
import { swiglu } from '../engine/ops/swiglu.ts';
import { tokenLogProbs } from '../engine/ops/tokenLogProbs.ts';
import * as tf from '../engine/tf.ts';
import { llamaConfig } from '../model/architectures/llama.ts';
import { newModel } from '../model/model.ts';
import { decays } from '../model/parameters.ts';
import { negativeLogLikelihood } from '../sft/train.ts';

export interface OperationTime {
  operation: string;
  /** Shapes of the inputs. */
  shapes: number[][];
  /** Milliseconds of one call; with all gradients, of one call and its backward pass. */
  forwardMs: number;
  withGradientsMs: number;
}

export interface BackendTimes {
  backend: BackendName;
  /** Billions of floating-point operations a second of x·Wᵀ, dy·W and dyᵀ·x; multiply and add count as two. */
  gflops: { forward: number; inputGradient: number; weightGradient: number };
  /** Empty where the back end is so slow that measuring would take minutes. */
  operations: OperationTime[];
  /** Of a whole optimiser step over 8 x 64 tokens; null likewise. */
  stepMs: number | null;
  tokensPerSecond: number | null;
}

const [BATCH, TIME, HIDDEN, HEADS, WIDE, VOCAB, LAYERS] = [8, 64, 256, 8, 688, 4096, 6];
const ROWS = BATCH * TIME;
/** What a measurement lasts at least, and a back end below which only products are measured. */
const [LEAST_MS, SLOW_GFLOPS] = [150, 2];

type Run = () => tf.Tensor;

/**
 * Milliseconds of one run: the median of five rounds, each of as many runs as fill its time and one small readback; a single
 * one where that is slow.
 */
async function timeOf(run: Run): Promise<number> {
  const round = async (runs: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) {
      const result = tf.tidy(run);
      // Some back ends compute behind one's back: a readback of the last result waits for all of them.
      if (i === runs - 1) await result.data();
      result.dispose();
    }
    return (performance.now() - start) / runs;
  };
  await round(1);
  const once = await round(1);
  if (once > LEAST_MS) return once;
  const runs = Math.max(1, Math.round(LEAST_MS / 5 / Math.max(once, 0.01)));
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await round(runs));
  return times.sort((a, b) => a - b)[2] ?? Number.NaN;
}

/** One value of a result, so that the readback is small. */
const first = (x: tf.Tensor): tf.Tensor => tf.slice(tf.reshape(x, [-1]), 0, 1);

interface Case {
  operation: string;
  shapes: number[][];
  run: (...inputs: tf.Tensor[]) => tf.Tensor;
}

function cases(): Case[] {
  const heads = [BATCH, TIME, HEADS, HIDDEN / HEADS];
  const keyStart = tf.zeros([BATCH], 'int32');
  const positions = tf.tensor2d(
    Array.from({ length: ROWS }, (_, i) => i % TIME),
    [BATCH, TIME],
    'int32',
  );
  const tables = rotaryTables({ headDim: HIDDEN / HEADS, maxPositions: TIME, theta: 10_000 });
  const ids = tf.tensor1d(randomIds(ROWS), 'int32');
  const of = (
    operation: string,
    shapes: number[][],
    run: (inputs: [tf.Tensor, tf.Tensor, tf.Tensor]) => tf.Tensor,
  ) => ({
    ...{ operation, shapes },
    run: (...inputs: tf.Tensor[]) => run(inputs as [tf.Tensor, tf.Tensor, tf.Tensor]),
  });
  return [
    of(
      'linear',
      [
        [ROWS, HIDDEN],
        [WIDE, HIDDEN],
      ],
      ([x, w]) => linear(x, w),
    ),
    of('embedding', [[VOCAB, HIDDEN]], ([table]) => embedding(table, ids)),
    of('rmsNorm', [[ROWS, HIDDEN], [HIDDEN]], ([x, gain]) => rmsNorm(x, gain, 1e-6)),
    of('rotary', [heads], ([x]) => rotary(x, positions, tables)),
    of('attention', [heads, heads, heads], ([query, key, value]) => attention({ query, key, value, keyStart })),
    of(
      'swiglu',
      [
        [ROWS, WIDE],
        [ROWS, WIDE],
      ],
      ([gate, up]) => swiglu(gate, up),
    ),
    of('softmax', [[ROWS, VOCAB]], ([x]) => softmax(x)),
    of('logSoftmax', [[ROWS, VOCAB]], ([x]) => logSoftmax(x)),
    of(
      'tokenLogProbs',
      [
        [ROWS, HIDDEN],
        [VOCAB, HIDDEN],
      ],
      ([hidden, weight]) => tokenLogProbs({ hidden, weight, targets: ids }).logProbs,
    ),
  ];
}

function randomIds(count: number): number[] {
  const random = randomFrom(seedOf('engine bench'));
  return Array.from({ length: count }, () => random.integer(VOCAB));
}

const uniform = (shape: number[]): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', 1);

async function productSpeeds(): Promise<BackendTimes['gflops']> {
  const [x, weight, dy] = [uniform([ROWS, HIDDEN]), uniform([WIDE, HIDDEN]), uniform([ROWS, WIDE])];
  const gflops = async (run: Run): Promise<number> =>
    (2e-6 * ROWS * HIDDEN * WIDE) / (await timeOf(() => first(run())));
  return {
    forward: await gflops(() => linear(x, weight)),
    inputGradient: await gflops(() => tf.matMul(dy, weight)),
    weightGradient: await gflops(() => tf.matMul(dy, x, true)),
  };
}

async function operationTime({ operation, shapes, run }: Case): Promise<OperationTime> {
  const inputs = shapes.map(uniform);
  const gradients = tf.grads(run);
  const forwardMs = await timeOf(() => first(run(...inputs)));
  const withGradientsMs = await timeOf(() => first(gradients(inputs)[0] as tf.Tensor));
  return { operation, shapes, forwardMs, withGradientsMs };
}

async function stepTime(): Promise<number> {
  const model = newModel(
    llamaConfig({
      ...{ vocab: VOCAB, hidden: HIDDEN, intermediate: WIDE, layers: LAYERS, heads: HEADS, kvHeads: HEADS },
      ...{ headDim: HIDDEN / HEADS, maxPositions: TIME, normEpsilon: 1e-6, ropeTheta: 10_000, tieEmbeddings: true },
    }),
    0,
  );
  const ids = randomIds(ROWS);
  const examples = Array.from({ length: BATCH }, (_, row) => ({
    ids: ids.slice(row * TIME, (row + 1) * TIME),
    isResponseToken: Array.from({ length: TIME }, (_, i) => i > 0),
  }));
  const optimizer = new AdamW({ learningRate: 1e-4, weightDecay: 0.1, decays });
  return timeOf(() => {
    const { value, gradients } = valueAndGradients(model.parameters, () =>
      negativeLogLikelihood(model, examples, BATCH * (TIME - 1)),
    );
    optimizer.step(model.parameters, gradients, { scale: clipFactor(globalNorm(gradients), 1) });
    return value;
  });
}

/** Starts the back end and measures it. @throws unsupported where it does not start */
export async function benchBackend(
  backend: BackendName,
  options: { threads: number; onStep?: (words: string) => void },
): Promise<BackendTimes> {
  await startEngine({ backend, threads: options.threads });
  tf.engine().startScope('bench');
  try {
    options.onStep?.('products');
    const gflops = await productSpeeds();
    if (gflops.forward < SLOW_GFLOPS) return { backend, gflops, operations: [], stepMs: null, tokensPerSecond: null };
    const operations: OperationTime[] = [];
    for (const one of cases()) {
      options.onStep?.(one.operation);
      operations.push(await operationTime(one));
    }
    options.onStep?.('a training step');
    const stepMs = await stepTime();
    return { backend, gflops, operations, stepMs, tokensPerSecond: (ROWS * 1000) / stepMs };
  } finally {
    tf.engine().endScope();
  }
}
