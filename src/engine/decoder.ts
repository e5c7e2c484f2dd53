// One pass of a whole model over a few tokens as a single call of the back end: what decoding consists of. A back end that
// has it registers a maker here; where none has, or the model is none that it serves, the caller goes operation by operation.

import { FourfoldError } from '../core/errors.ts';
import type { RotaryTables } from './ops/rotary.ts';
import type { Drawn, SamplingRule } from './ops/sample.ts';
import * as tf from './tf.ts';

/** Llama's shape: RMSNorm before each block, rotary positions over whole heads, grouped queries, a gated feed-forward. */
export interface DecoderShape {
  vocab: number;
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  normEpsilon: number;
  /** Multiplies the attention scores. */
  attentionScale: number;
}

/** A linear layer: weight [out, in], bias [out]. */
export interface DecoderLinear {
  weight: tf.Tensor;
  bias: tf.Tensor | null;
}

export interface DecoderLayer {
  /** [hidden] */
  inputNorm: tf.Tensor;
  query: DecoderLinear;
  key: DecoderLinear;
  value: DecoderLinear;
  /** [headDim], of each query head before its rotation, or null; likewise of keys */
  queryNorm: tf.Tensor | null;
  keyNorm: tf.Tensor | null;
  output: DecoderLinear;
  /** [hidden] */
  feedForwardNorm: tf.Tensor;
  gate: DecoderLinear;
  up: DecoderLinear;
  down: DecoderLinear;
}

/** What a decoder reads; it stays the caller's, and must not change until the decoder is disposed. */
export interface DecoderModel {
  shape: DecoderShape;
  /** [vocab, hidden] */
  embedding: tf.Tensor;
  layers: ReadonlyArray<DecoderLayer>;
  /** [hidden] */
  finalNorm: tf.Tensor;
  /** [vocab, hidden]; may be the embedding */
  output: tf.Tensor;
  tables: RotaryTables;
}

/** The slots of a key-value cache, each for `capacity` positions of one sequence. */
export interface CacheSize {
  slots: number;
  capacity: number;
}

/** One token at its place. */
export interface DecoderRow {
  token: number;
  slot: number;
  /** From 0; every earlier position of the slot has been computed, or comes earlier in the same call. */
  position: number;
}

export interface FusedDecoder {
  /** Computes keys and values of the rows. */
  extend(rows: ReadonlyArray<DecoderRow>): void;
  /** Copies the first `length` positions of slot `from` to slot `to`. */
  copy(from: number, to: number, length: number): void;
  /**
   * Computes the rows, at most one a slot, and draws a token after each.
   * @param uniforms one in [0, 1) a row
   */
  draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Drawn | Promise<Drawn>;
  dispose(): void;
}

type Maker = (model: DecoderModel, size: CacheSize) => FusedDecoder | null;
const makers = new Map<string, Maker>();

export function registerDecoder(backend: string, maker: Maker): void {
  makers.set(backend, maker);
}

/** A decoder of the current back end; null where it has none, or the model is too large for it. */
export function makeDecoder(model: DecoderModel, size: CacheSize): FusedDecoder | null {
  return makers.get(tf.getBackend())?.(model, size) ?? null;
}

/** Throws where a row lies outside the vocabulary or the cache: there, a decoder would read and write foreign memory. */
export function expectRowsFit(rows: ReadonlyArray<DecoderRow>, vocab: number, { slots, capacity }: CacheSize): void {
  const fits = (value: number, limit: number): boolean => Number.isInteger(value) && value >= 0 && value < limit;
  for (const { token, slot, position } of rows) {
    if (fits(token, vocab) && fits(slot, slots) && fits(position, capacity)) continue;
    throw new FourfoldError(
      'internal',
      `decoder: expected a token below ${vocab}, a slot below ${slots} and a position below ${capacity}; ` +
        `got ${token}, ${slot} and ${position}.`,
    );
  }
}
