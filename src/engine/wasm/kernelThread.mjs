// The program of one thread of the kernel pool (kernelPool.ts, which describes the protocol): its own instance of the
// kernels on the shared memory, taking slices of the current operation. Plain JavaScript, since a thread starts from a file.
import { workerData } from 'node:worker_threads';

const { module, memory, constants, thread, names, spins, shared, words } = workerData;
const { STATE, DONE, FAILED, KERNEL, LENGTH, WIDTH, COUNT_BITS } = words;
const { exports: kernels } = new WebAssembly.Instance(module, { env: { memory } });
kernels.setConstants(constants);

const control = new Int32Array(shared.control);
const table = new Float64Array(shared.table);
const countMask = (1 << COUNT_BITS) - 1;

/** Waits until there is a slice to take: a little while at work, then asleep. */
function waitForWork() {
  for (let i = 0; i < spins; i++) {
    if ((Atomics.load(control, STATE) & countMask) !== 0) return;
  }
  const state = Atomics.load(control, STATE);
  if ((state & countMask) === 0) Atomics.wait(control, STATE, state);
}

/** Computes slice `index`; the scratch space of this thread stands behind its values where the operation has one. */
function compute(index) {
  const values = table.subarray(2 + index * WIDTH, 2 + index * WIDTH + control[LENGTH]);
  const [scratch, scratchBytes] = table;
  const kernel = kernels[names[control[KERNEL]]];
  if (scratchBytes > 0) kernel(...values, scratch + thread * scratchBytes);
  else kernel(...values);
}

for (;;) {
  waitForWork();
  const state = Atomics.load(control, STATE);
  const left = state & countMask;
  if (left === 0 || Atomics.compareExchange(control, STATE, state, state - 1) !== state) continue;
  try {
    compute(left - 1);
  } catch {
    Atomics.store(control, FAILED, 1);
  }
  Atomics.add(control, DONE, 1);
  Atomics.notify(control, DONE);
}
