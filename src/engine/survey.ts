// Which back ends start on this machine, and which of them `auto` takes.
import { messageOf } from '../core/errors.ts';
import { BACKENDS, type BackendName, startEngine } from './backend.ts';

export interface SurveyedBackend {
  backend: BackendName;
  /** Whether it starts when it is asked for by name. */
  starts: boolean;
  /** How many threads share its operations; null where it does not start or sees to its threads itself. */
  threads: number | null;
  /** Version, device and place of what it stands on, where it can tell; null else. */
  about: string | null;
  /** Why it does not start, or null. */
  reason: string | null;
}

export interface Survey {
  /** What auto takes here, which need not be the first that starts by name; null where it finds none. */
  auto: BackendName | null;
  backends: SurveyedBackend[];
}

export interface SurveyOptions {
  note?: (line: string) => void;
  /** Called after each of the back ends. */
  onTried?: (tried: number) => void;
  /** For tests: what starts a back end, and what tells of one that has started. */
  start?: typeof startEngine;
  threadsOf?: (backend: BackendName) => Promise<number | null>;
  aboutOf?: (backend: BackendName) => Promise<string | null>;
}

/** Asks for `auto` as a command does, then for each back end by its name. The last one that started stays current. */
export async function surveyBackends(options: SurveyOptions = {}): Promise<Survey> {
  const { note, onTried, start = startEngine, threadsOf = threadsIn, aboutOf = aboutBackend } = options;
  const asked = note === undefined ? { threads: 0 } : { threads: 0, note };
  const auto = await start({ ...asked, backend: 'auto' }).then(
    ({ backend }) => backend,
    (error: unknown) => {
      note?.(messageOf(error));
      return null;
    },
  );
  const backends: SurveyedBackend[] = [];
  for (const backend of BACKENDS) {
    try {
      await start({ ...asked, backend });
      const [threads, about] = [await threadsOf(backend), await aboutOf(backend)];
      backends.push({ backend, starts: true, threads, about, reason: null });
    } catch (error) {
      backends.push({ backend, starts: false, threads: null, about: null, reason: messageOf(error) });
    }
    onTried?.(backends.length);
  }
  return { auto, backends };
}

async function threadsIn(backend: BackendName): Promise<number | null> {
  return backend === 'wasm' ? (await import('./backends/wasm.ts')).threadsOfWasm() : null;
}

/** What a started back end stands on, in words; null where it cannot tell. */
export async function aboutBackend(backend: BackendName): Promise<string | null> {
  if (backend === 'wasm') return (await import('./backends/wasm.ts')).aboutWasm();
  if (backend !== 'tensorflow') return null;
  const running = (await import('./backends/tensorflow.ts')).runningTensorflow();
  if (running === null) return null;
  return `TensorFlow ${running.version} on the ${running.isGpu ? 'GPU' : 'CPU'}, in ${running.folder}`;
}
