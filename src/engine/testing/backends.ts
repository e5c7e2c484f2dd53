// Which back ends the tests run on: wasm and cpu always, tensorflow and webgpu where they start.
import { BACKENDS, type BackendName, startEngine } from '../backend.ts';
import { startWebgpu } from '../backends/webgpu.ts';

/**
 * The back ends that start here, webgpu on hardware only. FOURFOLD_TEST_BACKENDS (a comma-separated list) asks for back
 * ends by name instead, software adapters included; one that does not start is then an error.
 */
export async function presentBackends(): Promise<BackendName[]> {
  const wanted = process.env.FOURFOLD_TEST_BACKENDS?.split(',');
  const present: BackendName[] = [];
  for (const backend of BACKENDS.filter((name) => wanted?.includes(name) ?? true)) {
    try {
      if (backend === 'webgpu' && wanted === undefined) await startWebgpu(false);
      await startEngine({ backend });
      present.push(backend);
    } catch (error) {
      if (wanted !== undefined || backend === 'wasm' || backend === 'cpu') throw error;
    }
  }
  return present;
}
