import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../../core/packageRoot.ts';
import type { KernelExports } from './exports.ts';
import { KernelPool } from './kernelPool.ts';
import { type WebAssemblyMemory, webAssembly } from './webAssembly.ts';

type MemoryConstructor = new (size: { initial: number; maximum: number; shared: boolean }) => WebAssemblyMemory;
const { Memory } = Reflect.get(globalThis, 'WebAssembly') as { Memory: MemoryConstructor };
const PROGRAM = packagePath('dist', 'kernels', 'kernelThread.mjs');
/** The constants of two threads lie below the values. */
const [CONSTANTS, FROM, TO, VALUES, SLICES] = [[64, 2048], 4096, 65536, 1024, 16] as const;
/** Takes one slice as the real program does, and then does what `end` says. */
const takesOneThen = (end: string): string => `
  import { workerData } from 'node:worker_threads';
  const control = new Int32Array(workerData.shared.control);
  for (;;) {
    const state = Atomics.load(control, 48);
    if ((state & 255) === 0) Atomics.wait(control, 0, 0);
    else if (Atomics.compareExchange(control, 48, state, state - 1) === state) { ${end} }
  }`;

let folder: string;
let pool: KernelPool;
let values: Float32Array;
const notes: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fourfold-pool-'));
  notes.length = 0;
});
afterEach(async () => {
  await pool.close();
  await rm(folder, { recursive: true });
});

function start(program: string): void {
  const memory = new Memory({ initial: 4, maximum: 65536, shared: true });
  const module = new webAssembly.Module(readFileSync(packagePath('dist', 'kernels', 'kernels-shared.wasm')));
  const kernels = new webAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
  kernels.setConstants(CONSTANTS[0]);
  const note = (line: string): number => notes.push(line);
  pool = new KernelPool({ program, module, kernels, memory, constants: [CONSTANTS[1]], note, patienceMs: 200 });
  values = new Float32Array(memory.buffer);
  for (let i = 0; i < VALUES + VALUES / SLICES; i++) values[FROM / 4 + i] = i;
}

async function startProgram(text: string): Promise<void> {
  const program = join(folder, 'program.mjs');
  await writeFile(program, text);
  start(program);
}

/** Doubles 0 .. 1023 in 16 slices of 64. */
function runDoubling(): number[] {
  const size = VALUES / SLICES;
  const slices = Array.from({ length: SLICES }, (_, i) => [
    size,
    FROM + i * size * 4,
    FROM + i * size * 4,
    TO + i * size * 4,
  ]);
  values.fill(0, TO / 4, TO / 4 + VALUES);
  pool.run({ calls: slices.map((values) => ({ name: 'add', values })), scratch: 0, scratchBytes: 0 });
  return Array.from(values.subarray(TO / 4, TO / 4 + VALUES));
}

const doubled = Array.from({ length: VALUES }, (_, i) => 2 * i);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('every slice is computed once an operation is over, thousands of times on end', async () => {
  start(PROGRAM);
  expect(runDoubling()).toEqual(doubled);
  await pause(100);
  for (let i = 0; i < 3000; i++) {
    const size = VALUES / SLICES;
    const slices = Array.from({ length: SLICES }, (_, s) => [
      size,
      FROM + s * size * 4,
      FROM + (i % VALUES) * 4,
      TO + s * size * 4,
    ]);
    pool.run({ calls: slices.map((values) => ({ name: 'add', values })), scratch: 0, scratchBytes: 0 });
    for (let s = 0; s < SLICES; s++) {
      const at = s * size + (i % size);
      if (values[TO / 4 + at] !== at + (i % VALUES) + (i % size))
        throw new Error(`operation ${i}: slice ${s} was not computed`);
    }
  }
  expect(pool.threads).toBe(2);
});

test('a slice of rows goes through all calls in their order', async () => {
  start(PROGRAM);
  await pause(100);
  const [rows, width] = [VALUES / 8, 8];
  const call = (a: number, b: number, to: number) => ({
    name: 'add' as const,
    values: [width, a, b, to],
    steps: [0, width * 4, width * 4, width * 4],
  });
  for (let i = 0; i < 300; i++) {
    values.fill(0, TO / 4, TO / 4 + VALUES);
    const calls = [call(FROM, FROM, TO), call(TO, FROM, TO), call(TO, TO, TO)];
    // Blocks of 12 of 128 rows: the last has 8.
    pool.run({ calls, rows: { count: rows, block: 12 }, scratch: 0, scratchBytes: 0 });
    expect(Array.from(values.subarray(TO / 4, TO / 4 + VALUES))).toEqual(doubled.map((value) => 3 * value));
  }
});

test('a thread that dies idle leaves its work to the others, with a note', async () => {
  await startProgram('process.exit(0);');
  while (pool.threads > 1) await pause(10);
  expect(runDoubling()).toEqual(doubled);
  expect(notes).toEqual(['wasm: a thread has ended; going on with 1']);
});

test('a thread that cannot start is named with its reason', async () => {
  await startProgram('throw new Error("no room");');
  while (pool.threads > 1) await pause(10);
  expect(runDoubling()).toEqual(doubled);
  expect(notes).toEqual([expect.stringMatching(/^wasm: a thread has ended \(.*no room\); going on with 1$/)]);
});

test('a thread that never takes anything holds nothing up', async () => {
  await startProgram('setInterval(() => undefined, 1000);');
  await pause(50);
  expect(runDoubling()).toEqual(doubled);
});

test.each([
  ['dies', 'process.exit(0);'],
  ['hangs', 'Atomics.wait(control, 63, 0);'],
])(
  'a thread that %s with a slice taken is an error in the end, not a deadlock, and the pool is closed',
  async (_, end) => {
    await startProgram(takesOneThen(end));
    const run = async (): Promise<void> => {
      for (;;) {
        runDoubling();
        await pause(1);
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('--threads 1') });
    expect(pool.threads).toBe(1);
  },
);

test('a kernel that traps is an error, whichever thread it was on', async () => {
  start(PROGRAM);
  await pause(100);
  const slices = Array.from({ length: SLICES }, () => [64, 2 ** 31, FROM, TO]);
  expect(() =>
    pool.run({ calls: slices.map((values) => ({ name: 'add', values })), scratch: 0, scratchBytes: 0 }),
  ).toThrow(expect.objectContaining({ code: 'internal' }));
  expect(pool.threads).toBe(1);
});
