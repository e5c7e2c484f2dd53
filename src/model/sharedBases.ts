// Frozen bases that several models share: each folder is loaded once.
import { realpath } from 'node:fs/promises';
import type { Quantization } from '../core/quantization.ts';
import type { Model, ModelHead } from './loadedModel.ts';
import { type Bases, loadBase } from './model.ts';

export interface SharedBases extends Bases {
  /** Frees every base; the models over them must not be used any more. */
  dispose(): void;
}

/** No base yet. The first of a folder that asks for a language model brings the output layer, which others pass over. */
export function sharedBases(quantization: Quantization | null = null): SharedBases {
  const loaded = new Map<string, Model>();
  return {
    async of(dir: string, head: ModelHead) {
      const path = await realpath(dir);
      const known = loaded.get(`causal-lm ${path}`) ?? loaded.get(`${head} ${path}`);
      if (known !== undefined) return known;
      const base = await loadBase(dir, head, quantization);
      loaded.set(`${head} ${path}`, base);
      return base;
    },
    dispose() {
      for (const base of loaded.values()) base.dispose();
      loaded.clear();
    },
  };
}
