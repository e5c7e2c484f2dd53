// The two decoders: the back end's own, which computes a whole pass as one call, and the general one, operation by operation,
// for every model and back end. On wasm both give the same bits.
import { type CacheSize, makeDecoder } from '../engine/decoder.ts';
import type { Model } from '../model/model.ts';
import type { Decoder } from './decoder.ts';
import { fusedParts } from './fusedParts.ts';
import { GeneralDecoder } from './generalDecoder.ts';

/** The fastest decoder for the model on the current back end. The model must not change until it is disposed. */
export function openDecoder(model: Model, size: CacheSize): Decoder {
  return openFusedDecoder(model, size) ?? new GeneralDecoder(model, size);
}

/** The back end's own decoder, or null where it has none for this model. */
export function openFusedDecoder(model: Model, size: CacheSize): Decoder | null {
  const parts = fusedParts(model, size.capacity);
  const fused = parts === null ? null : makeDecoder(parts, size);
  if (fused === null) return null;
  return {
    begin: (beginnings) =>
      fused.extend(beginnings.flatMap(({ slot, ids }) => ids.map((token, position) => ({ slot, token, position })))),
    copy: (from, to, length) => fused.copy(from, to, length),
    draw: async (rows, uniforms, rule) => fused.draw(rows, uniforms, rule),
    dispose: () => fused.dispose(),
  };
}
