// What a loaded model is: head, weights, and the part of them that training changes.
import type { QuantizedMatrix } from '../engine/ops/quantizedLinear.ts';
import type { ActiveAdapter } from './lora/adapter.ts';
import type { Parameters } from './parameters.ts';
import type { Trunk } from './trunk.ts';

/** What is on top of the trunk: next-token logits, or one number (reward, value). */
export type ModelHead = 'causal-lm' | 'scalar';

export interface Model extends Trunk {
  readonly head: ModelHead;
  /** The adapter at work; null where there is none. */
  readonly adapter: ActiveAdapter | null;
  /** Frozen weights in int8, by module; null where all are float32. */
  readonly quantized: ReadonlyMap<string, QuantizedMatrix> | null;
  /** What training changes, by name: every parameter, or those of adapter and head on a frozen base. */
  readonly trained: Parameters;
  /** Folder of the frozen base; null where the model is no adapted one. */
  readonly baseDir: string | null;
  dispose(): void;
}
