// The decoder on wasm: a Llama-shaped model's pass over some tokens as one call of the kernel `decode`, on all threads.
// It holds the weights once more, packed for the kernel, and the key-value cache, until it is disposed.
import { FourfoldError } from '../../core/errors.ts';
import type { CacheSize, DecoderLayer, DecoderLinear, DecoderModel, DecoderRow, FusedDecoder } from '../decoder.ts';
import type { Drawn, SamplingRule } from '../ops/sample.ts';
import type * as tf from '../tf.ts';
import { cutPhases, LAYER_FIELDS, PLAN_BYTES, upTo, writePlan } from './decodePlan.ts';
import type { KernelRuntime, TensorInfo } from './runtime.ts';

/** Tokens of prompts in one call. */
const MOST_ROWS = 128;
/** Larger packed weights would not fit into the 4 GiB of a WebAssembly memory beside the weights themselves. */
const MOST_PACKED_BYTES = 2 ** 30;
const CONTROL_BYTES = 128;
/** Positions in a block of keys, as in assembly/attendSlot.ts. */
const KEY_BLOCK = 16;

/** A decoder in `runtime`'s memory; null where the packed weights are too large for it. */
export function makeWasmDecoder(runtime: KernelRuntime, model: DecoderModel, size: CacheSize): WasmDecoder | null {
  const { hidden, intermediate, layers, heads, kvHeads, headDim, vocab } = model.shape;
  const ofLayer = hidden * ((2 * heads + 2 * kvHeads) * upTo(headDim, 8) + 3 * intermediate);
  if ((layers * ofLayer + vocab * hidden) * 4 > MOST_PACKED_BYTES) return null;
  return new WasmDecoder(runtime, model, size);
}

class WasmDecoder implements FusedDecoder {
  readonly #runtime: KernelRuntime;
  readonly #model: DecoderModel;
  readonly #size: CacheSize;
  readonly #most: number;
  readonly #memory: number[] = [];
  readonly #keyCaches: number[] = [];
  readonly #valueCaches: number[] = [];
  readonly #plan: number;
  readonly #at: Record<'tokens' | 'slots' | 'positions' | 'uniforms' | 'toTokens' | 'toLogProbs' | 'toEntropy', number>;
  readonly #control: number;
  readonly #phases: number;
  readonly #perPiece: number;

  constructor(runtime: KernelRuntime, model: DecoderModel, size: CacheSize) {
    this.#runtime = runtime;
    this.#model = model;
    this.#size = size;
    this.#most = Math.max(MOST_ROWS, size.slots);
    try {
      const { hidden, intermediate, heads, kvHeads, headDim, vocab, layers } = model.shape;
      const [most, space] = [upTo(this.#most, 4), (values: number) => this.#allocate(values * 4)];
      this.#plan = this.#allocate(PLAN_BYTES);
      this.#control = this.#allocate(CONTROL_BYTES);
      this.#phases = space(5 * layers + 4);
      this.#perPiece = space(8);
      this.#at = {
        ...{ tokens: space(most), slots: space(most), positions: space(most) },
        ...{ uniforms: space(2 * most), toTokens: space(most), toLogProbs: space(most), toEntropy: space(most) },
      };
      const layerTable = this.#packLayers();
      writePlan(runtime, this.#plan, {
        ...{ hidden, intermediate, layers, heads, kvHeads, headDim, vocab },
        ...this.#at,
        capacity: size.capacity,
        epsilon: model.shape.normEpsilon,
        attentionScale: model.shape.attentionScale,
        embedding: this.#address(model.embedding),
        layerTable,
        finalNorm: this.#address(model.finalNorm),
        output: this.#packed(model.output, hidden),
        cos: this.#address(model.tables.cos),
        sin: this.#address(model.tables.sin),
        x: space(most * hidden),
        projected: space(most * (heads + 2 * kvHeads) * upTo(headDim, 8)),
        mixed: space(most * heads * headDim),
        activation: space(most * upTo(intermediate, 8)),
        logits: space(upTo(size.slots, 4) * upTo(vocab, 8)),
        control: this.#control,
        phases: this.#phases,
        perPiece: this.#perPiece,
      });
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  extend(rows: ReadonlyArray<DecoderRow>): void {
    for (let start = 0; start < rows.length; start += this.#most)
      this.#run(rows.slice(start, start + this.#most), false);
  }

  copy(from: number, to: number, length: number): void {
    const { kvHeads, headDim } = this.#model.shape;
    const move = (caches: ReadonlyArray<number>, positions: number, moved: number): void => {
      const head = positions * headDim;
      for (const cache of caches) {
        const values = this.#runtime.floats(cache, this.#size.slots * kvHeads * head);
        for (let kv = 0; kv < kvHeads; kv++) {
          const start = (from * kvHeads + kv) * head;
          values.copyWithin((to * kvHeads + kv) * head, start, start + moved * headDim);
        }
      }
    };
    // Keys lie in whole blocks; what is beyond the length is written before it is read.
    move(this.#keyCaches, upTo(this.#size.capacity, KEY_BLOCK), upTo(length, KEY_BLOCK));
    move(this.#valueCaches, this.#size.capacity, length);
  }

  draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Drawn {
    this.#runtime.doubles(this.#at.uniforms, rows.length).set(uniforms);
    const inverse = rule.temperature === 0 ? 0 : 1 / rule.temperature;
    writePlan(this.#runtime, this.#plan, {
      ...{ topK: rule.topK, topP: rule.topP },
      ...{ inverseTemperature: inverse, logitScale: inverse === 0 ? 1 : inverse },
    });
    this.#run(rows, true);
    return {
      tokens: this.#runtime.integers(this.#at.toTokens, rows.length).slice(),
      logProbs: this.#runtime.floats(this.#at.toLogProbs, rows.length).slice(),
      entropy: this.#runtime.floats(this.#at.toEntropy, rows.length).slice(),
    };
  }

  dispose(): void {
    for (const address of this.#memory.splice(0)) this.#runtime.free(address);
  }

  #run(rows: ReadonlyArray<DecoderRow>, draws: boolean): void {
    const runtime = this.#runtime;
    const { hidden, intermediate, heads, headDim, vocab } = this.#model.shape;
    const { capacity } = this.#size;
    this.#checkRows(rows);
    const write = (at: number, read: (row: DecoderRow) => number): void => {
      runtime.integers(at, rows.length).set(rows.map(read));
    };
    write(this.#at.tokens, ({ token }) => token);
    write(this.#at.slots, ({ slot }) => slot);
    write(this.#at.positions, ({ position }) => position);
    const { perPiece, starts, isShared } = cutPhases(this.#model.shape, { rows: rows.length, capacity, draws });
    runtime.integers(this.#perPiece, perPiece.length).set(perPiece);
    runtime.integers(this.#phases, starts.length).set(starts);
    runtime.integers(this.#control, CONTROL_BYTES / 4).fill(0);
    writePlan(runtime, this.#plan, { rows: rows.length, phaseCount: starts.length - 1 });
    const widest = Math.max(hidden, heads * headDim, intermediate);
    const scratch = runtime.kernels.decodeScratch(rows.length, hidden, widest, capacity, vocab);
    // Every thread takes pieces of one and the same call.
    runtime.run(
      'decode',
      Array.from({ length: isShared ? runtime.threads : 1 }, () => [this.#plan]),
      scratch,
    );
  }

  /** Outside these, the kernel would read and write foreign memory. */
  #checkRows(rows: ReadonlyArray<DecoderRow>): void {
    const { slots, capacity } = this.#size;
    const fits = (value: number, limit: number): boolean => Number.isInteger(value) && value >= 0 && value < limit;
    for (const { token, slot, position } of rows) {
      if (fits(token, this.#model.shape.vocab) && fits(slot, slots) && fits(position, capacity)) continue;
      throw new FourfoldError(
        'internal',
        `decoder: expected a token below ${this.#model.shape.vocab}, a slot below ${slots} and a position below ${capacity}; ` +
          `got ${token}, ${slot} and ${position}.`,
      );
    }
  }

  #allocate(bytes: number): number {
    const address = this.#runtime.allocate(Math.max(bytes, 4));
    this.#memory.push(address);
    return address;
  }

  #address(tensor: tf.Tensor): number {
    return this.#runtime.address(tensor as unknown as TensorInfo);
  }

  #addressOr0(tensor: tf.Tensor | null): number {
    return tensor === null ? 0 : this.#address(tensor);
  }

  /** A weight [out, width] in panels. */
  #packed(weight: tf.Tensor, width: number): number {
    const out = weight.shape[0] ?? 0;
    const to = this.#allocate(upTo(out, 8) * width * 4);
    this.#runtime.kernels.packPanels(out, width, this.#address(weight), to, width * 32);
    return to;
  }

  /** The table of layers: addresses of their weights and caches. */
  #packLayers(): number {
    const { heads, kvHeads, headDim, layers } = this.#model.shape;
    const { slots, capacity } = this.#size;
    const table = this.#allocate(Math.max(1, layers) * LAYER_FIELDS.length * 4);
    for (const [index, layer] of this.#model.layers.entries()) {
      const newCache = (positions: number, caches: number[]): number => {
        const values = slots * kvHeads * positions * headDim;
        const cache = this.#allocate(values * 4);
        this.#runtime.floats(cache, values).fill(0);
        caches.push(cache);
        return cache;
      };
      const fields: Record<(typeof LAYER_FIELDS)[number], number> = {
        inputNorm: this.#address(layer.inputNorm),
        ...this.#packProjections(layer),
        queryNorm: this.#addressOr0(layer.queryNorm),
        keyNorm: this.#addressOr0(layer.keyNorm),
        output: this.#packed(layer.output.weight, heads * headDim),
        outputBias: this.#paddedBias([layer.output]),
        feedForwardNorm: this.#address(layer.feedForwardNorm),
        gateUp: this.#packGateUp(layer),
        gateUpBias: this.#paddedBias([layer.gate, layer.up]),
        down: this.#packed(layer.down.weight, this.#model.shape.intermediate),
        downBias: this.#paddedBias([layer.down]),
        keyCache: newCache(upTo(capacity, KEY_BLOCK), this.#keyCaches),
        valueCache: newCache(capacity, this.#valueCaches),
      };
      const values = LAYER_FIELDS.map((name) => fields[name]);
      this.#runtime.integers(table + index * LAYER_FIELDS.length * 4, values.length).set(values);
    }
    return table;
  }

  /** Queries, keys and values one after the other, each head in panels of its own; and their biases likewise, if any. */
  #packProjections({ query, key, value }: DecoderLayer): { projections: number; projectionBias: number } {
    const { hidden, heads, kvHeads, headDim } = this.#model.shape;
    const padded = upTo(headDim, 8);
    const count = heads + 2 * kvHeads;
    const projections = this.#allocate(count * padded * hidden * 4);
    const hasBias = [query, key, value].some(({ bias }) => bias !== null);
    const projectionBias = hasBias ? this.#allocate(count * padded * 4) : 0;
    if (hasBias) this.#runtime.floats(projectionBias, count * padded).fill(0);
    let head = 0;
    const add = ({ weight, bias }: DecoderLinear, ownHeads: number): void => {
      for (let own = 0; own < ownHeads; own++) {
        const from = this.#address(weight) + own * headDim * hidden * 4;
        this.#runtime.kernels.packPanels(headDim, hidden, from, projections + head * padded * hidden * 4, hidden * 32);
        if (bias !== null) {
          const values = this.#runtime.floats(this.#address(bias) + own * headDim * 4, headDim);
          this.#runtime.floats(projectionBias + head * padded * 4, headDim).set(values);
        }
        head++;
      }
    };
    add(query, heads);
    add(key, kvHeads);
    add(value, kvHeads);
    return { projections, projectionBias };
  }

  /** A panel of the gate, then one of the other, and so on. */
  #packGateUp({ gate, up }: DecoderLayer): number {
    const { hidden, intermediate } = this.#model.shape;
    const to = this.#allocate(2 * upTo(intermediate, 8) * hidden * 4);
    const [panel, step] = [hidden * 32, hidden * 64];
    this.#runtime.kernels.packPanels(intermediate, hidden, this.#address(gate.weight), to, step);
    this.#runtime.kernels.packPanels(intermediate, hidden, this.#address(up.weight), to + panel, step);
    return to;
  }

  /** Biases of layers of one width, 8 values of each in turn; 0 where none has one. */
  #paddedBias(layers: ReadonlyArray<DecoderLinear>): number {
    if (layers.every(({ bias }) => bias === null)) return 0;
    const width = layers[0]?.weight.shape[0] ?? 0;
    const count = layers.length * upTo(width, 8);
    const to = this.#allocate(count * 4);
    const values = this.#runtime.floats(to, count);
    values.fill(0);
    for (const [place, { bias }] of layers.entries()) {
      const own = bias === null ? [] : this.#runtime.floats(this.#address(bias), width);
      for (const [i, value] of own.entries()) values[(Math.floor(i / 8) * layers.length + place) * 8 + (i % 8)] = value;
    }
    return to;
  }
}
