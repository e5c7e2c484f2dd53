// Tokens a second of whole training steps and roll-outs: one JSON line a workload, with the fields of the peer's script.
// Run: npm run build && npm run bench -- --shape small --workloads sft,ppo --backend wasm --threads 2
// Several workloads run in a process each, so that peak memory is each one's own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BACKENDS, startEngine } from '../src/engine/backend.ts';
import * as tf from '../src/engine/tf.ts';
import { SHAPES, shapeOf } from './shapes.ts';
import { WORKLOADS, type WorkloadName } from './workloads.ts';

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'small' },
    workloads: { type: 'string', default: Object.keys(WORKLOADS).join() },
    backend: { type: 'string', default: 'wasm' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '8' },
  },
});

/** The one of `known` that is called `name`. */
function chosen<T extends string>(what: string, name: string, known: ReadonlyArray<T>): T {
  const found = known.find((one) => one === name);
  if (found === undefined) throw new Error(`--${what}: expected one of ${known.join(', ')}; got ${name}.`);
  return found;
}

function whole(what: string, given: string): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${what}: expected a whole number from 1; got ${given}.`);
  return value;
}

async function measure(workload: WorkloadName): Promise<void> {
  const shape = chosen('shape', values.shape, SHAPES);
  const [threads, steps] = [whole('threads', values.threads), whole('steps', values.steps)];
  const { backend } = await startEngine({
    backend: chosen('backend', values.backend, BACKENDS),
    threads,
    note: (line) => process.stderr.write(`${line}\n`),
  });
  const { tokens, seconds } = await WORKLOADS[workload](shapeOf(shape), steps);
  const line = {
    ...{ peer: 'fourfold', workload, shape, threads, backend },
    tokensPerSecond: Number((tokens / seconds).toFixed(1)),
    seconds: Number(seconds.toFixed(4)),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    ...deviceMemory(),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  await idle();
}

/** Until webgpu's device is through with its queue: a process that ends before crashes in the driver's threads. */
async function idle(): Promise<void> {
  const { device } = tf.backend() as tf.KernelBackend & { device?: GPUDevice };
  await device?.queue.onSubmittedWorkDone();
}

/** What webgpu has taken of the device's memory: it keeps its buffers, so that this is the most at any time. */
function deviceMemory(): { peakDeviceMiB?: number } {
  const { numBytesAllocatedInGPU: bytes } = tf.memory() as { numBytesAllocatedInGPU?: number };
  return bytes === undefined ? {} : { peakDeviceMiB: Math.round(bytes / 2 ** 20) };
}

const workloads = values.workloads
  .split(',')
  .map((name) => chosen('workloads', name, Object.keys(WORKLOADS) as WorkloadName[]));
if (workloads.length === 1 && workloads[0] !== undefined) {
  await measure(workloads[0]);
  // The threads of the back end would keep the process.
  process.exit();
}
for (const workload of workloads) {
  const { shape, backend, threads, steps } = values;
  const options = Object.entries({ shape, backend, threads, steps, workloads: workload });
  const flags = options.flatMap(([name, value]) => [`--${name}`, value]);
  const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...flags], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
