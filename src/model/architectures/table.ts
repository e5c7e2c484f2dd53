// Every architecture that is served, by config.json's model_type.
import { type Architecture, refuse } from './fields.ts';
import { gemma, gemma2, gemma3 } from './gemma.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { phi, phi3 } from './phi.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { smollm3 } from './smollm3.ts';

const ARCHITECTURES: ReadonlyArray<Architecture> = [
  ...[llama, mistral, qwen2, qwen3, smollm3, gpt2, phi, phi3, gemma, gemma2, gemma3],
];

/** @throws unsupported, with the list of those that are served. */
export function architectureOf(modelType: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.modelType === modelType);
  if (found !== undefined) return found;
  return refuse('model_type', modelType, `one of ${ARCHITECTURES.map((served) => served.modelType).join(', ')}`);
}
