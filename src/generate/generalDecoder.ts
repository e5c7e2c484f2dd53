// Decoding operation by operation: every model, every back end.
import type { CacheSize, DecoderRow } from '../engine/decoder.ts';
import { type Drawn, type SamplingRule, sample } from '../engine/ops/sample.ts';
import * as tf from '../engine/tf.ts';
import { disposeBatch, makeBatch } from '../model/batch.ts';
import { logitsOf } from '../model/heads.ts';
import { KvCache } from '../model/kvCache.ts';
import type { Model } from '../model/model.ts';
import { transformer } from '../model/transformer.ts';
import type { Beginning, Decoder } from './decoder.ts';

/** Tokens of prompts in one pass, padding included. */
const MOST_TOKENS = 4096;

export class GeneralDecoder implements Decoder {
  readonly #model: Model;
  readonly #cache: KvCache;

  constructor(model: Model, size: CacheSize) {
    this.#model = model;
    this.#cache = new KvCache(model.config, size);
  }

  begin(beginnings: ReadonlyArray<Beginning>): void {
    // Those of like length together, so that little is padding.
    const order = beginnings.toSorted((a, b) => a.ids.length - b.ids.length);
    const longest = order.at(-1)?.ids.length ?? 1;
    const rows = Math.max(1, Math.floor(MOST_TOKENS / longest));
    for (let start = 0; start < order.length; start += rows) this.#beginTogether(order.slice(start, start + rows));
  }

  #beginTogether(beginnings: ReadonlyArray<Beginning>): void {
    const { config } = this.#model;
    const batch = makeBatch(
      beginnings.map(({ ids }) => ({ ids, isResponseToken: [] })),
      config.maxPositions,
    );
    const places = beginnings.map(({ slot, ids }) => ({ slot, position: 0, length: ids.length }));
    const { ids, positions, keyStart } = batch;
    const attend = this.#cache.attendToStart(places, keyStart);
    tf.tidy(() => void transformer(this.#model, { ids, positions, keyStart, attend }));
    disposeBatch(batch);
  }

  copy(from: number, to: number, length: number): void {
    this.#cache.copy(from, to, length);
  }

  async draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Promise<Drawn> {
    const { config } = this.#model;
    const drawn = tf.tidy(() => {
      const column = (read: (row: DecoderRow) => number) =>
        tf.tensor2d(rows.map(read), [rows.length, 1], 'int32') as tf.Tensor2D;
      const { hidden } = transformer(this.#model, {
        ids: column(({ token }) => token),
        positions: column(({ position }) => position),
        keyStart: tf.zeros([rows.length], 'int32'),
        attend: this.#cache.attendToSlots(rows.map(({ slot, position }) => ({ slot, position, length: 1 }))),
      });
      const last = tf.reshape(hidden, [rows.length, config.hidden]);
      return sample(logitsOf(this.#model, last), uniforms, rule);
    });
    const values = await drawn.data();
    drawn.dispose();
    const part = (index: number) => values.slice(index * rows.length, (index + 1) * rows.length);
    return { tokens: part(0), logProbs: part(1), entropy: part(2) };
  }

  dispose(): void {
    this.#cache.dispose();
  }
}
