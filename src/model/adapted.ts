// Models over one set of frozen weights: each has an adapter of its own, or none, and a head of its own where it needs one. So
// policy and reference, and any number of named adapters, take the memory of one base.

import type { Model, ModelHead } from './loadedModel.ts';
import { type Adapter, disposeAdapter } from './lora/adapter.ts';
import { mergedParameters } from './lora/merge.ts';
import { disposeParameters, type Parameters } from './parameters.ts';

export interface Adaptation {
  head: ModelHead;
  /** Null for the base as it is. */
  adapter: Adapter | null;
  /** The score head, where it is not the base's; empty otherwise. */
  score: Parameters;
  /** Folder of the base, which the adapter's folder will name. */
  baseDir: string;
}

/**
 * A model over another's weights, which are frozen from now on. It owns adapter and score head, and trains them alone; the
 * base stays its owner's, and must outlive it.
 */
export function adaptedModel(base: Model, { head, adapter, score, baseDir }: Adaptation): Model {
  // The engine computes gradients of the output layer at once where it is trainable.
  for (const frozen of base.parameters.values()) frozen.trainable = false;
  return {
    head,
    config: base.config,
    tables: base.tables,
    quantized: base.quantized,
    parameters: new Map([...base.parameters, ...score]),
    adapter: adapter === null ? null : { ...adapter, dropoutSeed: null },
    trained: new Map([...(adapter?.parameters ?? []), ...score]),
    baseDir,
    dispose() {
      if (adapter !== null) disposeAdapter(adapter);
      disposeParameters(score);
    },
  };
}

/**
 * The model as one pass of training sees it: dropout is drawn from the seed, none where null; with `recomputes`, the layers' activations are
 * computed again in the backward pass instead of being kept. Owns nothing.
 */
export function inTraining(
  model: Model,
  { dropoutSeed, recomputes }: { dropoutSeed: number | null; recomputes: boolean },
): Model {
  const { adapter, trained } = model;
  return {
    ...model,
    adapter: adapter === null ? null : { ...adapter, dropoutSeed: adapter.settings.dropout === 0 ? null : dropoutSeed },
    recomputes: recomputes ? trained : undefined,
    dispose: () => undefined,
  };
}

/** The view with its base, which is disposed with it. */
export const owning = (view: Model, base: Model): Model => ({
  ...view,
  dispose() {
    view.dispose();
    base.dispose();
  },
});

/**
 * The model with its adapter merged into the weights: a plain one that computes the same, at the speed of its base. It owns
 * the weights of the modules that the adapter changes; all others stay the given model's, which must outlive it.
 */
export function mergedModel(model: Model): Model {
  const { adapter } = model;
  if (adapter === null) return { ...model, dispose: () => undefined };
  const { all, own } = mergedParameters(model.parameters, adapter);
  return {
    ...model,
    parameters: all,
    adapter: null,
    trained: new Map(),
    baseDir: null,
    dispose: () => disposeParameters(own),
  };
}
