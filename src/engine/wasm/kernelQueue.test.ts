import { type KernelPool, MAX_SLICES, type Operation } from './kernelPool.ts';
import { KernelQueue } from './kernelQueue.ts';

const MOST_ROWS = 96;
let operations: Operation[];

/** A queue before a pool of `threads` threads that only notes what it is given. */
function queueOf(threads: number): KernelQueue {
  operations = [];
  const pool = { threads, queue: (operation: Operation) => operations.push(operation), join: () => undefined };
  return new KernelQueue(pool as unknown as KernelPool, { scratch: (bytes) => bytes + 1, mostRows: MOST_ROWS });
}

const names = (): string[][] => operations.map(({ calls }) => calls.map(({ name }) => name));
const overRows = (queue: KernelQueue): void => queue.runByRows({ name: 'rmsNorm', values: [1, 8], steps: [0, 0] }, 0);

test('calls over rows become one operation, which any other ends, and what they read ahead comes first', () => {
  const queue = queueOf(2);
  queue.byRows(100, () => {
    overRows(queue);
    queue.runAhead('packB', [[1]]);
    overRows(queue);
    queue.run('attention', [[1], [2]], 64);
    overRows(queue);
  });
  expect(names()).toEqual([['packB'], ['rmsNorm', 'rmsNorm'], ['attention', 'attention'], ['rmsNorm']]);
  expect(operations.map(({ rows }) => rows?.count)).toEqual([undefined, 100, undefined, 100]);
  expect(operations[2]).toMatchObject({ scratch: 65, scratchBytes: 64 });
});

test.each([1, 2, 3, 8, 64])(
  'blocks of rows are whole units, and no more than an operation takes: %i threads',
  (threads) => {
    for (const count of [1, 12, 100, 1152, 1536, 6144, 6145, 100_000]) {
      const queue = queueOf(threads);
      queue.byRows(count, () => (queue.rows > 0 ? overRows(queue) : undefined));
      const rows = operations[0]?.rows;
      if (rows === undefined) {
        expect(count).toBeGreaterThan(MOST_ROWS * MAX_SLICES);
        continue;
      }
      expect([rows.block % 12, Math.max(rows.block, MOST_ROWS)]).toEqual([0, MOST_ROWS]);
      expect(Math.ceil(count / rows.block)).toBeLessThanOrEqual(MAX_SLICES);
    }
  },
);

test('independent operations become one, with packed operands known until it is handed on', () => {
  const queue = queueOf(2);
  queue.together(() => {
    queue.run('sharedGemm', [[1], [1]], 64);
    queue.packed?.set('x', 1);
    queue.run('attention', [[1]], 128);
    expect(queue.packed?.get('x')).toBe(1);
    queue.run(
      'add',
      Array.from({ length: MAX_SLICES }, () => [1]),
      0,
    );
    expect(queue.packed?.has('x')).toBe(false);
  });
  expect(queue.packed).toBeNull();
  expect(operations.map(({ calls, scratchBytes }) => [calls.length, scratchBytes])).toEqual([
    [3, 128],
    [MAX_SLICES, 0],
  ]);
});
