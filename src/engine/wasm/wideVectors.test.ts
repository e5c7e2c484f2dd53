import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { packagePath } from '../../core/packageRoot.ts';
import { randomFrom, seedOf } from '../../core/random.ts';
import type { KernelExports, KernelName } from './exports.ts';
import { type WebAssemblyMemory, webAssembly } from './webAssembly.ts';
import { compileJoined, joinsVectors, leavingCleanRegisters } from './wideVectors.ts';

type MemoryConstructor = new (size: { initial: number }) => WebAssemblyMemory;
const { Memory } = Reflect.get(globalThis, 'WebAssembly') as { Memory: MemoryConstructor };

const PAGES = 400;
/** Operands, of some 512 KiB each, and scratch space behind them. */
const [A, B, C, D, E, F, IDS, SCRATCH] = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => i * 2 ** 19) as [
  ...[number, number, number, number],
  ...[number, number, number, number],
];
const CONSTANTS = 1024;
const SIZES = [1, 4, 7, 8, 9, 12, 15, 16, 17, 33, 4097];
/** Lists of two spans for the optimiser's kernels, 128 bytes for each of the sizes. */
const [ADAM_SPANS, SQUARES_SPANS] = [8192, 16384];

/** What a kernel finds: numbers, small whole ones at IDS, and the lists of spans. */
const START = ((): Uint8Array => {
  const random = randomFrom(seedOf('wide'));
  const values = Float32Array.from({ length: SCRATCH / 4 }, () => 2 * random.uniform() - 1);
  const ids = new Int32Array(values.buffer, IDS, 2 ** 12);
  for (let i = 0; i < ids.length; i++) ids[i] = i < 1024 ? random.integer(5) : 0;
  for (const [i, n] of SIZES.entries()) {
    const [words, keeps] = [
      new Int32Array(values.buffer, ADAM_SPANS + i * 128),
      values.subarray(ADAM_SPANS / 4 + i * 32),
    ];
    words.set([A, B, IDS, D, n]);
    words.set([C, E, IDS + 2 ** 17, F, n + 3], 6);
    keeps[5] = 0.99;
    keeps[11] = 1;
    new Int32Array(values.buffer, SQUARES_SPANS + i * 128).set([A, n, B, C + 64, 2 * n + 1, E]);
  }
  return new Uint8Array(values.buffer);
})();

/** A build of the kernels on a memory of its own, which starts out alike each time. */
function build(name: string, compile: (code: Uint8Array) => object) {
  const memory = new Memory({ initial: PAGES });
  const module = compile(readFileSync(packagePath('dist', 'kernels', name)));
  const kernels = new webAssembly.Instance(module, { env: { memory } }).exports as KernelExports;
  return {
    run(kernel: KernelName, values: number[]): { result: unknown; memory: Uint8Array } {
      new Uint8Array(memory.buffer).set(START);
      kernels.setConstants(CONSTANTS);
      const result = kernels[kernel](...values);
      return { result, memory: new Uint8Array(memory.buffer, 0, SCRATCH).slice() };
    },
  };
}

if (!webAssembly.validate(readFileSync(packagePath('dist', 'kernels', 'kernels-wide.wasm')))) {
  setFlagsFromString('--experimental-wasm-relaxed-simd');
}
const plain = build('kernels-relaxed.wasm', (code) => new webAssembly.Module(code));
const wide = build('kernels-wide.wasm', (code) =>
  joinsVectors() ? compileJoined(code) : new webAssembly.Module(code),
);

const products: [KernelName, number[]][] = [
  ...[
    [1, 9, 7],
    [3, 8, 8],
    [4, 16, 9],
    [5, 17, 33],
    [6, 24, 300],
    [7, 25, 257],
    [13, 40, 513],
    [97, 31, 64],
    [200, 100, 31],
  ].flatMap(([m = 0, n = 0, k = 0]): [KernelName, number[]][] =>
    [0, 1].flatMap((accumulate): [KernelName, number[]][] => [
      ['gemm', [m, n, k, A, k, 1, B, 1, k, C, n, accumulate, SCRATCH]],
      ['gemm', [m, n, k, A, 1, m, B, n, 1, C, n, accumulate, SCRATCH]],
      ['gemmInt8', [m, n, k, A, k, 1, B, 1, k + 3, D, 0, C, n, accumulate, SCRATCH]],
      ['gemmInt8', [m, n, k, A, k, 1, B, n + 3, 1, D, 1, C, n, accumulate, SCRATCH]],
    ]),
  ),
];
const elementwise = SIZES.flatMap((n, i): [KernelName, number[]][] => [
  ['swiglu', [n, A, B, C]],
  ['swigluGradient', [n, A, B, C, D, E]],
  ['gelu', [n, A, C, 0]],
  ['geluGradient', [n, A, B, C, 1]],
  ['adamW', [2, ADAM_SPANS + i * 128, 0.9, 0.1, 0.999, 0.001, 0.01, 1.5, 1e-8, 0.37]],
  ['sumsOfSquares', [2, SQUARES_SPANS + i * 128]],
  ['add', [n, A, B, C]],
]);
const overRows = [1, 7, 8, 9, 31, 64, 100].flatMap((n): [KernelName, number[]][] => [
  ['softmax', [3, n, A, C]],
  ['softmaxGradient', [3, n, A, B, C]],
  ['logSoftmax', [3, n, A, C]],
  ['logSoftmaxGradient', [3, n, A, B, C]],
  ['rmsNorm', [3, n, A, B, 1e-5, C, D]],
  ['rmsNormGradient', [3, n, A, B, C, D, E]],
  ['rmsNormGainGradient', [3, n, n + 5, A, B, C, D]],
  ['layerNorm', [3, n, A, B, C, 1e-5, D, E, F]],
  ['layerNormGradient', [3, n, A, B, C, D, E, F]],
  ['rotary', [3, 2, n, A, IDS, B, C, -1, D]],
  ['scatterAdd', [9, n, 5, A, IDS, B]],
  ['fillRows', [3, n, A, B]],
  ['sumRows', [3, n, A, B]],
]);
const models = [4, 8, 9, 32, 48].flatMap((dim): [KernelName, number[]][] => [
  ['attention', [0, 8, 70, 75, 4, 2, dim, A, B, C, IDS + 4096, 0.3, 0, 0, D, E, SCRATCH]],
  ['attention', [0, 8, 70, 75, 4, 2, dim, A, B, C, IDS, 0.3, 9, 5, D, E, SCRATCH]],
  ['attentionGradient', [0, 4, 70, 75, 4, 2, dim, A, B, C, IDS, 0.3, 0, 0, D, E, F, 0, 2 ** 17, 2 ** 18, SCRATCH]],
  [
    'attentionGradient',
    [0, 4, 70, 75, 4, 2, dim, A, B, C, IDS + 4096, 0.3, 9, 5, D, E, F, 0, 2 ** 17, 2 ** 18, SCRATCH],
  ],
  ['logProbs', [9, 600, dim, A, B, IDS, 1.3, C, D, E, SCRATCH]],
  ['logProbsWithGradient', [9, 600, dim, A, B, IDS, 1.3, 0.1, C, D, E, F, SCRATCH + 2 ** 22, 640, SCRATCH]],
  ['logitGradient', [9, 512, dim, A, B, IDS, 0, 1.3, C, D, E, 0, F, SCRATCH]],
]);

test.each([...products, ...elementwise, ...overRows, ...models])(
  '%s %j has the same bits with joined vectors and wide tiles as without',
  (kernel, values) => {
    const [expected, got] = [plain.run(kernel, values), wide.run(kernel, values)];
    expect(got.result).toBe(expected.result);
    expect(Buffer.compare(got.memory, expected.memory)).toBe(0);
  },
);

test('a kernel that leaves the registers clean gets its arguments and gives its result', () => {
  const calls: number[][] = [];
  const kernels = leavingCleanRegisters({
    add: (...values: number[]) => {
      calls.push(values);
      return values.reduce((sum, value) => sum + value, 0);
    },
    memory: { buffer: null },
  });
  expect(kernels.add(1, 2, 3)).toBe(6);
  expect(calls).toEqual([[1, 2, 3]]);
  expect(kernels.memory).toEqual({ buffer: null });
});

test('another vector width is taken only where it is known to work', () => {
  const [before, major] = [process.env.FOURFOLD_WASM_VECTORS, Number.parseInt(process.versions.v8, 10)];
  try {
    delete process.env.FOURFOLD_WASM_VECTORS;
    expect(joinsVectors()).toBe(process.arch === 'x64' && (major === 13 || major === 14));
    process.env.FOURFOLD_WASM_VECTORS = '128';
    expect(joinsVectors()).toBe(false);
  } finally {
    if (before === undefined) delete process.env.FOURFOLD_WASM_VECTORS;
    else process.env.FOURFOLD_WASM_VECTORS = before;
  }
});
