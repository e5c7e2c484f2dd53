// The numeric back ends by name, and the options that choose one: shared by every command that runs a model.
import { z } from 'zod';

export const BACKENDS = ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Config field of a command that runs a model. 'auto' walks down the ladder to the first one that works. */
export const backendOption = z
  .enum(BACKENDS)
  .default('auto')
  .describe('Numeric back end; auto takes the fastest one present');

/** Config keys of a command that runs a model. Threads change the speed and no bit of a result. */
export const engineKeys = {
  backend: backendOption,
  threads: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe('Threads of the back ends wasm and tensorflow; 0: as many as there are cores (wasm: at most 4)'),
};
