// What the decode loop needs of a model: keys and values of prompts kept in slots, and tokens drawn one a row.
import type { DecoderRow } from '../engine/decoder.ts';
import type { Drawn, SamplingRule } from '../engine/ops/sample.ts';

/** A sequence's beginning, going into a slot. */
export interface Beginning {
  slot: number;
  /** At least one. */
  ids: ReadonlyArray<number>;
}

export interface Decoder {
  /** Keeps keys and values of whole beginnings, each from position 0. */
  begin(beginnings: ReadonlyArray<Beginning>): void;
  /** Copies the first `length` positions of slot `from` to slot `to`. */
  copy(from: number, to: number, length: number): void;
  /** Takes the rows in, at most one a slot, and draws what follows each. @param uniforms one in [0, 1) a row */
  draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Promise<Drawn>;
  dispose(): void;
}
