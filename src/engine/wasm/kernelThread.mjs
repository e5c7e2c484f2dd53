// The program of one thread of the kernel pool (kernelPool.ts, which describes the protocol): its own instance of the
// kernels on the shared memory, taking slices of the current operation. Plain JavaScript, since a thread starts from a file.
import { workerData } from 'node:worker_threads';

const { module, memory, constants, thread, names, spins, shared, words } = workerData;
const { PUBLISHED, COMPLETED, FAILED, FIRST, STATE, DONE, STEP, PLACES, HEAD, WIDTH, ENTRY, PLACE, COUNT_BITS } = words;
const { exports: kernels } = new WebAssembly.Instance(module, { env: { memory } });
kernels.setConstants(constants);
/** Arrays for the arguments of a call, by their number. */
const spaces = Array.from({ length: WIDTH + 1 }, (_, count) => new Array(count + 1).fill(0.5));
const functions = names.map((name) => kernels[name]);

const control = new Int32Array(shared.control);
const table = new Float64Array(shared.table);
const countMask = (1 << COUNT_BITS) - 1;
const numberMask = (1 << (31 - COUNT_BITS)) - 1;

/** Waits while word `at` is `value`: a little while at work, then asleep. */
function waitWhile(at, value) {
  for (let i = 0; i < spins; i++) if (Atomics.load(control, at) !== value) return;
  Atomics.wait(control, at, value);
}

/** The index of a slice of operation `number` that is this thread's now; -1 where none is left. */
function take(number) {
  const word = FIRST + (number & (PLACES - 1)) * STEP + STATE;
  for (;;) {
    const state = Atomics.load(control, word);
    const left = state & countMask;
    if (left === 0 || state >>> COUNT_BITS !== (number & numberMask)) return -1;
    if (Atomics.compareExchange(control, word, state, state - 1) === state) return left - 1;
  }
}

/** Computes a slice: one call, or all calls for its rows. */
function compute(number, slice) {
  const place = number & (PLACES - 1);
  const at = place * PLACE;
  const calls = table[at];
  try {
    if (calls === 0) call(at, at + HEAD + slice * ENTRY, 0);
    for (let i = 0; i < calls; i++) call(at, at + HEAD + i * ENTRY, slice * table[at + 2]);
  } catch {
    Atomics.store(control, FAILED, 1);
  }
  if (Atomics.add(control, FIRST + place * STEP + DONE, 1) !== -1) return;
  Atomics.store(control, COMPLETED, (number + 1) | 0);
  Atomics.notify(control, COMPLETED);
}

/** One call of the operation at `at`; the scratch space of this thread stands behind its arguments. */
function call(at, entry, start) {
  const [from, count] = [entry + 2, table[entry + 1]];
  const values = spaces[count];
  for (let i = 0; i < count; i++) values[i] = table[from + i] + start * table[from + WIDTH + i];
  const rows = table[at + 1];
  if (rows > 0) values[0] = table[from] * Math.min(table[at + 2], rows - start);
  values[count] = table[at + 3] + thread * table[at + 4];
  functions[table[entry]](...values);
}

for (;;) {
  const current = Atomics.load(control, COMPLETED);
  if (Atomics.load(control, PUBLISHED) === current) {
    waitWhile(PUBLISHED, current);
    continue;
  }
  for (let slice = take(current); slice >= 0; slice = take(current)) compute(current, slice);
  waitWhile(COMPLETED, current);
}
