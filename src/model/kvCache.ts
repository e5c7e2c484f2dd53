// Keys and values that decoding keeps: slots, one a sequence, in tables that are made once and written where the back end
// can write in place. How a model attends to them is a function that the transformer takes as an argument.
import { type AttentionInput, attention } from '../engine/ops/attention.ts';
import { scatterRows, slotAttention } from '../engine/ops/slotAttention.ts';
import * as tf from '../engine/tf.ts';
import type { ModelConfig } from './config.ts';

/** Queries, keys and values of one layer, positions applied, and what the layer does with its scores. */
export interface AttendInput extends Omit<AttentionInput, 'keyStart'> {
  query: tf.Tensor4D;
  key: tf.Tensor4D;
  value: tf.Tensor4D;
}

/** Attention of one layer. @returns [batch, time, heads, headDim] */
export type Attend = (layer: number, input: AttendInput) => tf.Tensor;

/** A piece of a sequence: `length` tokens from `position` on, in its slot. */
export interface CachePlace {
  slot: number;
  position: number;
  length: number;
}

interface LayerTables {
  /** [slots·kvHeads·capacity, headDim] */
  key: tf.Tensor2D;
  value: tf.Tensor2D;
}

export class KvCache {
  readonly slots: number;
  readonly capacity: number;
  readonly #config: ModelConfig;
  readonly #layers: LayerTables[];

  constructor(config: ModelConfig, { slots, capacity }: { slots: number; capacity: number }) {
    this.#config = config;
    this.slots = slots;
    this.capacity = capacity;
    const table = (): tf.Tensor2D => tf.zeros([slots * config.kvHeads * capacity, config.headDim]);
    this.#layers = Array.from({ length: config.layers }, () => ({ key: table(), value: table() }));
  }

  /** Attention of whole beginnings: row b is what place b tells, padded on the right; their keys and values are kept. */
  attendToStart(places: ReadonlyArray<CachePlace>, keyStart: tf.Tensor1D): Attend {
    return (layer, input) => {
      this.#write(layer, places, input.key, input.value);
      return attention({ ...input, keyStart });
    };
  }

  /** Attention of one token a row, at its place, to all of its slot so far; its key and value are kept. */
  attendToSlots(places: ReadonlyArray<CachePlace>): Attend {
    return (layer, { query, key, value, ...bounds }) => {
      this.#write(layer, places, key, value);
      const { kvHeads, headDim } = this.#config;
      const tables = this.#tables(layer);
      const [rows, , heads] = query.shape;
      const mixed = slotAttention({
        ...bounds,
        query: tf.reshape(query, [rows, heads, headDim]),
        key: tf.reshape(tables.key, [this.slots, kvHeads, this.capacity, headDim]),
        value: tf.reshape(tables.value, [this.slots, kvHeads, this.capacity, headDim]),
        slots: tf.tensor1d(
          places.map(({ slot }) => slot),
          'int32',
        ),
        lengths: tf.tensor1d(
          places.map(({ position }) => position + 1),
          'int32',
        ),
      });
      return tf.reshape(mixed, [rows, 1, heads, headDim]);
    };
  }

  /** Copies the first `length` positions of slot `from` to slot `to`. */
  copy(from: number, to: number, length: number): void {
    if (length === 0) return;
    tf.tidy(() => {
      const source = this.#indices([{ slot: from, position: 0, length }], length);
      const target = this.#indices([{ slot: to, position: 0, length }], length);
      for (const [layer, { key, value }] of this.#layers.entries()) {
        this.#keep(layer, target, tf.gather(key, source), tf.gather(value, source));
      }
    });
  }

  dispose(): void {
    for (const { key, value } of this.#layers) tf.dispose([key, value]);
  }

  #tables(layer: number): LayerTables {
    return this.#layers[layer] as LayerTables;
  }

  #write(layer: number, places: ReadonlyArray<CachePlace>, key: tf.Tensor4D, value: tf.Tensor4D): void {
    tf.tidy(() => {
      const [batch, time, kvHeads, headDim] = key.shape;
      const target = this.#indices(places, time);
      // Rows of padding are left out.
      const kept = places.flatMap(({ length }, b) =>
        Array.from({ length: length * kvHeads }, (_, i) => b * time * kvHeads + i),
      );
      const chosen = tf.tensor1d(kept, 'int32');
      const rows = (tensor: tf.Tensor4D): tf.Tensor2D => {
        const flat = tf.reshape<tf.Rank.R2>(tensor, [batch * time * kvHeads, headDim]);
        return kept.length === batch * time * kvHeads ? flat : tf.gather(flat, chosen);
      };
      this.#keep(layer, target, rows(key), rows(value));
    });
  }

  #keep(layer: number, target: tf.Tensor1D, key: tf.Tensor2D, value: tf.Tensor2D): void {
    const tables = this.#tables(layer);
    for (const [name, rows] of Object.entries({ key, value }) as ['key' | 'value', tf.Tensor2D][]) {
      const old = tables[name];
      tables[name] = tf.keep(scatterRows(old, target, rows));
      old.dispose();
    }
  }

  /** Rows of the tables for each token and key head of the places, in the order of [batch, time, kvHeads]. */
  #indices(places: ReadonlyArray<CachePlace>, time: number): tf.Tensor1D {
    const { kvHeads } = this.#config;
    const indices = places.flatMap(({ slot, position, length }) =>
      Array.from({ length: Math.min(length, time) * kvHeads }, (_, i) => {
        const head = slot * kvHeads + (i % kvHeads);
        return head * this.capacity + position + Math.floor(i / kvHeads);
      }),
    );
    return tf.tensor1d(indices, 'int32');
  }
}
