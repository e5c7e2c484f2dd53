// The numeric back ends by name, and the option that chooses one: shared by every command that runs a model.
import { z } from 'zod';

export const BACKENDS = ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Config field of a command that runs a model. 'auto' walks down the ladder to the first one that works. */
export const backendOption = z
  .enum(BACKENDS)
  .default('auto')
  .describe('Numeric back end; auto takes the fastest one present');
