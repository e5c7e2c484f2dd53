import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { packagePath } from '../core/packageRoot.ts';
import { AdamW } from './adamW.ts';
import { startEngine } from './backend.ts';
import { endThreads } from './backends/wasm.ts';
import { clipFactor, globalNorm, valueAndGradients } from './gradients.ts';
import { attention } from './ops/attention.ts';
import { gelu } from './ops/gelu.ts';
import { layerNorm } from './ops/layerNorm.ts';
import { linear } from './ops/linear.ts';
import { rmsNorm } from './ops/rmsNorm.ts';
import { logSoftmax, softmax } from './ops/softmax.ts';
import { swiglu } from './ops/swiglu.ts';
import { tokenLogProbs } from './ops/tokenLogProbs.ts';
import { variableOver } from './testing/variableOver.ts';
import * as tf from './tf.ts';

const notes: string[] = [];

beforeAll(async () => {
  await startEngine({ backend: 'wasm', threads: 3, note: (line) => notes.push(line) });
  // Until the threads have started, the main one computes everything.
  await new Promise((resolve) => setTimeout(resolve, 500));
});
afterAll(endThreads);

type Tensors = tf.Tensor[];
const uniform = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
/** Tells two tensors apart as soon as one bit differs. */
const bits = (tensor: tf.Tensor): string =>
  createHash('sha1')
    .update(Buffer.from((tensor.dataSync() as Float32Array).buffer))
    .digest('hex');

/** The bits of a function's values and of the gradients of the sum of their squares. */
function bitsOf(f: (...inputs: Tensors) => tf.Tensor, inputs: Tensors): string[] {
  return tf.tidy(() =>
    [f(...inputs), ...tf.grads((...values: Tensors) => tf.sum(tf.square(f(...values))))(inputs)].map(bits),
  );
}

/** Runs on one thread, then three times on all, and expects the same bits. */
async function expectSameBits(run: () => string[]): Promise<void> {
  await startEngine({ backend: 'wasm', threads: 1 });
  const alone = run();
  await startEngine({ backend: 'wasm', threads: 3 });
  for (let i = 0; i < 3; i++) expect(run()).toEqual(alone);
}

/** Each function with inputs large enough to be shared, of sizes that leave remainders. */
const OPERATIONS: [string, (...inputs: Tensors) => tf.Tensor, number[][]][] = [];
const operation = (name: string, shapes: number[][], f: (...inputs: Tensors) => tf.Tensor): void => {
  OPERATIONS.push([name, f, shapes]);
};

operation('linear, more rows than columns', [[516, 70], [131, 70], [131]], (x, w, b) =>
  linear(x as tf.Tensor, w as tf.Tensor, b),
);
operation(
  'linear, more columns than rows',
  [
    [70, 64],
    [523, 64],
  ],
  (x, w) => linear(x as tf.Tensor, w as tf.Tensor),
);
operation(
  'linear of two rows',
  [
    [2, 512],
    [1031, 512],
  ],
  (x, w) => linear(x as tf.Tensor, w as tf.Tensor),
);
operation(
  'matMul of three',
  [
    [3, 130, 110],
    [3, 110, 90],
  ],
  (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor),
);
operation('rmsNorm', [[1001, 301], [301]], (x, gain) => rmsNorm(x as tf.Tensor, gain as tf.Tensor, 1e-6));
operation('layerNorm', [[1001, 301], [301], [301]], (x, weight, bias) =>
  layerNorm(x as tf.Tensor, { weight: weight as tf.Tensor, bias: bias as tf.Tensor }, 1e-6),
);
operation('gelu', [[1001, 301]], (x) => gelu(x as tf.Tensor, 'none'));
operation('softmax', [[1001, 301]], (x) => softmax(x as tf.Tensor));
operation('logSoftmax', [[1001, 301]], (x) => logSoftmax(x as tf.Tensor));
operation(
  'swiglu',
  [
    [1001, 301],
    [1001, 301],
  ],
  (gate, up) => swiglu(gate as tf.Tensor, up as tf.Tensor),
);
for (const [name, bounds] of [
  ['attention with padding and grouped heads', {}],
  ['attention with a window and a cap', { window: 20, softcap: 2 }],
] as const) {
  operation(
    name,
    [
      [3, 71, 6, 33],
      [3, 90, 3, 33],
      [3, 90, 3, 33],
    ],
    (query, key, value) =>
      attention({
        ...{ query: query as tf.Tensor, key: key as tf.Tensor, value: value as tf.Tensor },
        keyStart: tf.tensor1d([0, 40, 3], 'int32'),
        ...bounds,
      }),
  );
}

test('the threads start, in a memory that they share, and nothing is said', () => {
  const { wasm } = tf.backend() as unknown as { wasm: { wasmMemory: { buffer: object } } };
  expect(wasm.wasmMemory.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(Reflect.get(globalThis, 'Worker')).toBeUndefined();
  expect(notes).toEqual([]);
});

test.each(OPERATIONS)(
  '%s: values and gradients have the same bits on one thread and on three',
  async (_, f, shapes) => {
    const inputs = shapes.map((shape, i) => uniform(shape, i + 1));
    await expectSameBits(() => bitsOf(f, inputs));
  },
);

test.each([true, false])(
  'tokenLogProbs, its weight a trainable variable: %p, has the same bits',
  async (isTrainable) => {
    const weight = tf.variable(uniform([1301, 65], 2), isTrainable);
    const targets = tf.tensor1d(
      Array.from({ length: 203 }, (_, i) => (i * 77) % 1301),
      'int32',
    );
    const hidden = uniform([203, 65], 1);
    const { entropy } = tokenLogProbs({ hidden, weight, targets });
    await expectSameBits(() => [
      bits(entropy),
      ...bitsOf(
        (h, w) => tokenLogProbs({ hidden: h as tf.Tensor, weight: w as tf.Variable, targets }).logProbs,
        [hidden, weight],
      ),
    ]);
  },
);

test('the norm and an optimiser step over many parameters of odd sizes have the same bits', async () => {
  const sizes = [1, 7, 300_007, 8, 9, 4097, 3, 65_537, 12, 2];
  await expectSameBits(() => {
    const variables = new Map(sizes.map((size, i) => [`${i}`, variableOver(uniform([size], i + 1))]));
    const gradients = new Map(sizes.map((size, i) => [`${i}`, uniform([size], i + 21)]));
    const norm = globalNorm(gradients);
    const optimizer = new AdamW({ learningRate: 0.01, weightDecay: 0.1, decays: (name) => Number(name) % 2 === 0 });
    optimizer.step(variables, gradients, { scale: clipFactor(norm, 1) });
    return [norm, ...variables.values(), ...optimizer.state().values()].map(bits);
  });
});

test('three whole training steps end in the same parameters', async () => {
  const [width, vocab, tokens] = [64, 1003, 150];
  const ids = tf.tensor1d(
    Array.from({ length: tokens }, (_, i) => (i * 31) % vocab),
    'int32',
  );
  const keyStart = tf.tensor1d([0], 'int32');
  await expectSameBits(() => {
    const shapes: [string, number[]][] = [
      ['output', [vocab, width]],
      ['qkv', [3 * width, width]],
      ['gate', [4 * width, width]],
      ['up', [4 * width, width]],
      ['down', [width, 4 * width]],
    ];
    const variables = new Map(shapes.map(([name, shape], i) => [name, tf.variable(tf.mul(uniform(shape, i), 0.2))]));
    const get = (name: string): tf.Variable => variables.get(name) as tf.Variable;
    const optimizer = new AdamW({ learningRate: 0.01, weightDecay: 0.1 });
    const x = uniform([tokens, width], 9);
    const loss = (): tf.Scalar => {
      const [query, key, value] = tf.split(tf.reshape(linear(x, get('qkv')), [1, tokens, 12, 16]), 3, 2) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const mixed = tf.add(x, tf.reshape(attention({ query, key, value, keyStart }), [tokens, width]));
      const hidden = tf.add(mixed, linear(swiglu(linear(mixed, get('gate')), linear(mixed, get('up'))), get('down')));
      return tf.neg(tf.mean(tokenLogProbs({ hidden, weight: get('output'), targets: ids }).logProbs));
    };
    for (let step = 0; step < 3; step++) {
      const { gradients } = valueAndGradients(variables, loss);
      optimizer.step(variables, gradients, { scale: clipFactor(globalNorm(gradients), 1) });
    }
    return [...variables.values()].map(bits);
  });
});

const BUILT = packagePath('dist', 'src', 'engine', 'backend.js');
const onBuilt = existsSync(BUILT) ? test : test.skip;

onBuilt.each([
  ['comes to its end', '', 0],
  ['is ended', 'process.exit(3);', 3],
  ['fails', 'throw new Error("out");', 1],
])('a process with threads that %s is gone at once', (_, end, status) => {
  const program = `
    const { startEngine } = await import(${JSON.stringify(pathToFileURL(BUILT).href)});
    await startEngine({ backend: 'wasm', threads: 4 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.stdout.write(String(Date.now()));
    ${end}`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(ended.status).toBe(status);
  expect(Date.now() - Number(ended.stdout)).toBeLessThan(2000);
});

onBuilt('where no memory can be shared, one thread runs, with one note', () => {
  const program = `
    const { Memory } = WebAssembly;
    WebAssembly.Memory = function (size) {
      if (size.shared) throw new RangeError('no room');
      return new Memory(size);
    };
    const { startEngine } = await import(${JSON.stringify(pathToFileURL(BUILT).href)});
    await startEngine({ backend: 'wasm', threads: 2, note: (line) => process.stdout.write(line) });`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toBe('wasm: no memory that threads can share is to be had here; going on with 1 thread');
});
