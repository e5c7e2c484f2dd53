// The decoder in C++ (native/decoder.h): a Llama-shaped model's pass over some tokens as one call, on the CPU. It holds the
// layers' matrices once more, packed, and the key-value cache, until it is disposed.
import {
  type CacheSize,
  type DecoderLayer,
  type DecoderModel,
  type DecoderRow,
  expectRowsFit,
  type FusedDecoder,
} from '../decoder.ts';
import { type Drawn, type SamplingRule, sample } from '../ops/sample.ts';
import * as tf from '../tf.ts';
import type { NativeModule } from './native.ts';
import { type NodeBackend, Operations } from './raw.ts';

/** Tokens of prompts in one run. */
const MOST_ROWS = 512;

/** What is loaded, in the order of `Part` in decoder.h. */
const PARTS = [
  ...['embedding', 'unembedding', 'finalNorm', 'cosines', 'sines'],
  ...['inputNorm', 'feedForwardNorm', 'queryNorm', 'keyNorm'],
  ...['query', 'queryBias', 'key', 'keyBias', 'value', 'valueBias', 'output', 'outputBias'],
  ...['gate', 'gateBias', 'up', 'upBias', 'down', 'downBias'],
] as const;

/** A decoder on the current back end. */
export function makeNativeDecoder(native: NativeModule, model: DecoderModel, size: CacheSize): FusedDecoder {
  const { vocab, hidden, intermediate, layers, heads, kvHeads, headDim, normEpsilon, attentionScale } = model.shape;
  const numbers = [vocab, hidden, intermediate, layers, heads, kvHeads, headDim, size.slots, size.capacity];
  const decoder = new NativeDecoder(
    native,
    native.makeDecoder(Float64Array.of(...numbers, normEpsilon, attentionScale)),
    model.shape.vocab,
    size,
  );
  try {
    decoder.load(model);
  } catch (error) {
    decoder.dispose();
    throw error;
  }
  return decoder;
}

class NativeDecoder implements FusedDecoder {
  readonly #native: NativeModule;
  readonly #number: number;
  readonly #vocab: number;
  readonly #size: CacheSize;

  constructor(native: NativeModule, number: number, vocab: number, size: CacheSize) {
    this.#native = native;
    this.#number = number;
    this.#vocab = vocab;
    this.#size = size;
  }

  load({ embedding, output, finalNorm, tables, layers }: DecoderModel): void {
    const trunk = { embedding, unembedding: output, finalNorm, cosines: tables.cos, sines: tables.sin };
    for (const [name, tensor] of Object.entries(trunk)) this.#load(name, 0, tensor);
    for (const [i, layer] of layers.entries()) {
      for (const [name, tensor] of Object.entries(tensorsOf(layer))) if (tensor !== null) this.#load(name, i, tensor);
    }
  }

  extend(rows: ReadonlyArray<DecoderRow>): void {
    expectRowsFit(rows, this.#vocab, this.#size);
    for (let start = 0; start < rows.length; start += MOST_ROWS) {
      this.#native.runDecoder(this.#number, numbersOf(rows.slice(start, start + MOST_ROWS)));
    }
  }

  copy(from: number, to: number, length: number): void {
    this.#native.copySlot(this.#number, from, to, length);
  }

  draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Drawn {
    expectRowsFit(rows, this.#vocab, this.#size);
    const isGreedy = rule.temperature === 0 || rule.topK === 1;
    const given = numbersOf(rows);
    if (!isGreedy && (rule.topK > 0 || rule.topP < 1)) {
      const logits = new Float32Array(rows.length * this.#vocab);
      this.#native.runDecoder(this.#number, given, logits);
      return drawFiltered(tf.tensor2d(logits, [rows.length, this.#vocab]), uniforms, rule);
    }
    const tokens = new Int32Array(rows.length);
    const [logProbs, entropy] = [new Float32Array(rows.length), new Float32Array(rows.length)];
    const inverse = rule.temperature === 0 ? 1 : 1 / rule.temperature;
    const results = [tokens, logProbs, entropy] as const;
    this.#native.runDecoder(this.#number, given, inverse, Number(isGreedy), Float64Array.from(uniforms), ...results);
    return { tokens, logProbs, entropy };
  }

  dispose(): void {
    this.#native.freeDecoder(this.#number);
  }

  #load(name: string, layer: number, tensor: tf.Tensor): void {
    const operations = new Operations(tf.backend() as NodeBackend);
    try {
      const place = Float32Array.of(this.#number, (PARTS as ReadonlyArray<string>).indexOf(name), layer);
      operations.run('FourfoldDecoderLoad', [operations.input(tensor), operations.floatsOf(place, [3])]);
    } finally {
      operations.free();
    }
  }
}

/** The tensors of a layer by the names of their parts. */
function tensorsOf(layer: DecoderLayer): Record<string, tf.Tensor | null> {
  const { inputNorm, feedForwardNorm, queryNorm, keyNorm, query, key, value, output, gate, up, down } = layer;
  const linears = Object.entries({ query, key, value, output, gate, up, down });
  return {
    ...{ inputNorm, feedForwardNorm, queryNorm, keyNorm },
    ...Object.fromEntries(linears.map(([name, { weight }]) => [name, weight])),
    ...Object.fromEntries(linears.map(([name, { bias }]) => [`${name}Bias`, bias])),
  };
}

function numbersOf(rows: ReadonlyArray<DecoderRow>): Int32Array {
  const numbers = new Int32Array(rows.length * 3);
  for (const [i, { token, slot, position }] of rows.entries()) numbers.set([token, slot, position], i * 3);
  return numbers;
}

/** A choice with filters, by the plain operation. It disposes the logits. */
export function drawFiltered(logits: tf.Tensor, uniforms: ReadonlyArray<number>, rule: SamplingRule): Drawn {
  const drawn = tf.tidy(() => sample(logits, uniforms, rule));
  const values = drawn.dataSync() as Float32Array;
  tf.dispose([logits, drawn]);
  const row = (i: number): Float32Array => values.slice(i * uniforms.length, (i + 1) * uniforms.length);
  return { tokens: row(0), logProbs: row(1), entropy: row(2) };
}
