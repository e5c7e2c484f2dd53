// Which back ends the tests run on: wasm and cpu always, the others where they start.
import { BACKENDS, type BackendName, startEngine } from '../backend.ts';

/** The back ends that start here; FOURFOLD_TEST_BACKENDS narrows them (a comma-separated list). */
export async function presentBackends(): Promise<BackendName[]> {
  const wanted = process.env.FOURFOLD_TEST_BACKENDS?.split(',') ?? ['tensorflow', 'wasm', 'cpu'];
  const present: BackendName[] = [];
  for (const backend of BACKENDS.filter((name) => wanted.includes(name))) {
    try {
      await startEngine({ backend });
      present.push(backend);
    } catch (error) {
      if (backend === 'wasm' || backend === 'cpu') throw error;
    }
  }
  return present;
}
