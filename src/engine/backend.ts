// Starts the numeric back end: tensorflow, webgpu, wasm or cpu, each by really starting it.
// Nothing heavy is imported before startEngine is called.
import { availableParallelism } from 'node:os';
import { FourfoldError, messageOf } from '../core/errors.ts';

export const BACKENDS = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface StartEngineOptions {
  /** Which back end; 'auto' takes the first of tensorflow, webgpu, wasm, cpu that starts. */
  backend?: BackendName | 'auto';
  /**
   * How many threads the back end wasm uses: 1 where absent; 0 for as many as there are cores, at most 4. Its results have
   * the same bits with any number. tensorflow takes a number above 0 at its first start, and else all cores.
   */
  threads?: number;
  /** Receives one line where a faster back end fell away under 'auto'. */
  note?: (line: string) => void;
}

interface StarterOptions {
  /** Whether the user asked for this very back end. */
  isNamed: boolean;
  threads: number;
  /** Threads that the user asked for; null where that was left open. */
  asked: number | null;
  note: ((line: string) => void) | undefined;
}

/** How a rung is started. It throws with a reason. */
const STARTERS: Record<BackendName, (start: StarterOptions) => Promise<void>> = {
  tensorflow: async ({ asked, note }) =>
    (await import('./backends/tensorflow.ts')).startTensorflow({ threads: asked, note }),
  webgpu: async ({ isNamed }) => (await import('./backends/webgpu.ts')).startWebgpu(isNamed),
  wasm: async ({ threads, note }) => (await import('./backends/wasm.ts')).startWasm(threads, note),
  cpu: startCpu,
};

const REMEDY: Record<BackendName, string> = {
  tensorflow: 'Run fourfold engine install tensorflow, or use --backend auto.',
  webgpu: 'Install the package webgpu on a machine with a Vulkan, Metal or D3D12 driver, or use --backend auto.',
  wasm: 'Reinstall the package with its dependencies, or use --backend cpu.',
  cpu: 'Reinstall the package with its dependencies.',
};

/** The most threads that are taken unasked. */
const MOST_THREADS = 4;

let starting: Promise<unknown> = Promise.resolve();

/**
 * Starts a back end and makes it the current one.
 *
 * @returns the name of the back end that runs
 * @throws FourfoldError 'unsupported' where a back end asked for by name cannot start, with the reason
 */
export function startEngine(options: StartEngineOptions = {}): Promise<{ backend: BackendName }> {
  const result = starting.then(() => start(options));
  starting = result.catch(() => undefined);
  return result;
}

async function start(options: StartEngineOptions): Promise<{ backend: BackendName }> {
  const started = await startOne(options);
  const { threads = 1, note } = options;
  if (threads > 1 && started.backend !== 'wasm' && started.backend !== 'tensorflow') {
    note?.(
      `--threads ${threads} is for the back ends wasm and tensorflow; ${started.backend} sees to its threads itself`,
    );
  }
  return started;
}

async function startOne(options: StartEngineOptions): Promise<{ backend: BackendName }> {
  const { backend = 'auto', note } = options;
  const threads = options.threads === 0 ? Math.min(MOST_THREADS, availableParallelism()) : (options.threads ?? 1);
  const asked = options.threads === undefined || options.threads === 0 ? null : options.threads;
  const tf = await import('./tf.ts');
  tf.enableProdMode();
  if (backend !== 'auto') {
    try {
      await STARTERS[backend]({ isNamed: true, threads, asked, note });
    } catch (error) {
      throw unsupported(backend, error);
    }
    return { backend };
  }
  const reasons: string[] = [];
  for (const name of BACKENDS) {
    try {
      await STARTERS[name]({ isNamed: false, threads, asked, note });
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error)}`);
      continue;
    }
    if (reasons.length > 0) note?.(`${reasons.join('; ')}; using ${name}`);
    return { backend: name };
  }
  throw new FourfoldError('unsupported', `Expected a back end that starts; none did. ${reasons.join('; ')}.`);
}

function unsupported(backend: BackendName, cause: unknown): FourfoldError {
  return new FourfoldError(
    'unsupported',
    `Expected the back end ${backend} to start; it did not: ${messageOf(cause)}. ${REMEDY[backend]}`,
    { cause },
  );
}

async function startCpu(): Promise<void> {
  const tf = await import('./tf.ts');
  await import('@tensorflow/tfjs-backend-cpu');
  if (!(await tf.setBackend('cpu'))) throw new Error('tfjs refused to start it');
}
