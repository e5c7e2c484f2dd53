// Every architecture that is served, by config.json's model_type.
import { type Architecture, refuse } from './fields.ts';
import { llama } from './llama.ts';

const ARCHITECTURES: ReadonlyArray<Architecture> = [llama];

/** @throws unsupported, with the list of those that are served. */
export function architectureOf(modelType: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.modelType === modelType);
  if (found !== undefined) return found;
  return refuse('model_type', modelType, `one of ${ARCHITECTURES.map((served) => served.modelType).join(', ')}`);
}
