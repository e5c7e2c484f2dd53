// A model in the form that the kernel `decode` reads: weights packed in panels, biases padded to them, the
// caches of keys and values, and the table of addresses over all layers. It owns this memory until it is disposed.
import type { CacheSize, DecoderLayer, DecoderLinear, DecoderModel } from '../decoder.ts';
import type * as tf from '../tf.ts';
import { LAYER_FIELDS, upTo } from './decodePlan.ts';
import type { KernelRuntime, TensorInfo } from './runtime.ts';

/** Positions in a block of keys, as in assembly/attendSlot.ts. */
export const KEY_BLOCK = 16;

export class PackedModel {
  readonly keyCaches: number[] = [];
  readonly valueCaches: number[] = [];
  readonly #runtime: KernelRuntime;
  readonly #model: DecoderModel;
  readonly #size: CacheSize;
  readonly #memory: number[] = [];

  constructor(runtime: KernelRuntime, model: DecoderModel, size: CacheSize) {
    this.#runtime = runtime;
    this.#model = model;
    this.#size = size;
  }

  /** Memory that lives as long as this. */
  allocate(bytes: number): number {
    const address = this.#runtime.allocate(Math.max(bytes, 4));
    this.#memory.push(address);
    return address;
  }

  dispose(): void {
    for (const address of this.#memory.splice(0)) this.#runtime.free(address);
  }

  address(tensor: tf.Tensor): number {
    return this.#runtime.address(tensor as unknown as TensorInfo);
  }

  #addressOr0(tensor: tf.Tensor | null): number {
    return tensor === null ? 0 : this.address(tensor);
  }

  /** A weight [out, width] in panels. */
  packed(weight: tf.Tensor, width: number): number {
    const out = weight.shape[0] ?? 0;
    const to = this.allocate(upTo(out, 8) * width * 4);
    this.#runtime.kernels.packPanels(out, width, this.address(weight), to, 0, 1);
    return to;
  }

  /** The table of layers: addresses of their weights and caches. */
  packLayers(): number {
    const { heads, kvHeads, headDim, layers } = this.#model.shape;
    const { slots, capacity } = this.#size;
    const table = this.allocate(Math.max(1, layers) * LAYER_FIELDS.length * 4);
    for (const [index, layer] of this.#model.layers.entries()) {
      const newCache = (positions: number, caches: number[]): number => {
        const values = slots * kvHeads * positions * headDim;
        const cache = this.allocate(values * 4);
        this.#runtime.floats(cache, values).fill(0);
        caches.push(cache);
        return cache;
      };
      const fields: Record<(typeof LAYER_FIELDS)[number], number> = {
        inputNorm: this.address(layer.inputNorm),
        ...this.#packProjections(layer),
        queryNorm: this.#addressOr0(layer.queryNorm),
        keyNorm: this.#addressOr0(layer.keyNorm),
        output: this.packed(layer.output.weight, heads * headDim),
        outputBias: this.#paddedBias([layer.output]),
        feedForwardNorm: this.address(layer.feedForwardNorm),
        gateUp: this.#packGateUp(layer),
        gateUpBias: this.#paddedBias([layer.gate, layer.up]),
        down: this.packed(layer.down.weight, this.#model.shape.intermediate),
        downBias: this.#paddedBias([layer.down]),
        keyCache: newCache(upTo(capacity, KEY_BLOCK), this.keyCaches),
        valueCache: newCache(capacity, this.valueCaches),
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
    const projections = this.allocate(count * padded * hidden * 4);
    const hasBias = [query, key, value].some(({ bias }) => bias !== null);
    const projectionBias = hasBias ? this.allocate(count * padded * 4) : 0;
    if (hasBias) this.#runtime.floats(projectionBias, count * padded).fill(0);
    let head = 0;
    const add = ({ weight, bias }: DecoderLinear, ownHeads: number): void => {
      for (let own = 0; own < ownHeads; own++) {
        const from = this.address(weight) + own * headDim * hidden * 4;
        this.#runtime.kernels.packPanels(headDim, hidden, from, projections + head * padded * hidden * 4, 0, 1);
        if (bias !== null) {
          const values = this.#runtime.floats(this.address(bias) + own * headDim * 4, headDim);
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
    const to = this.allocate(2 * upTo(intermediate, 8) * hidden * 4);
    for (const [place, { weight }] of [gate, up].entries()) {
      this.#runtime.kernels.packPanels(intermediate, hidden, this.address(weight), to, place, 2);
    }
    return to;
  }

  /** Biases of layers of one width, a panel of each in turn; 0 where none has one. */
  #paddedBias(layers: ReadonlyArray<DecoderLinear>): number {
    if (layers.every(({ bias }) => bias === null)) return 0;
    const out = layers[0]?.weight.shape[0] ?? 0;
    const count = layers.length * upTo(out, 8);
    const to = this.allocate(count * 4);
    const values = this.#runtime.floats(to, count);
    values.fill(0);
    for (const [place, { bias }] of layers.entries()) {
      const own = bias === null ? [] : this.#runtime.floats(this.address(bias), out);
      for (const [i, value] of own.entries()) {
        const { start, width } = this.#panelAt(i, out);
        values[start * layers.length + place * width + i - start] = value;
      }
    }
    return to;
  }

  /** The panel of column `column` out of `columns`: where it starts, and how many it holds, absent ones included. */
  #panelAt(column: number, columns: number): { start: number; width: number } {
    const full = this.#runtime.kernels.panelColumns();
    const start = column - (column % full);
    return { start, width: Math.min(full, upTo(columns - start, 8)) };
  }
}
