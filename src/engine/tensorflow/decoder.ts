// The decoder on TensorFlow: a Llama-shaped model's pass over some tokens as one run of a graph. Its layers' matrices are held
// once more, joined and turned round for it, and the key-value cache, until it is disposed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CacheSize,
  type DecoderLayer,
  type DecoderLinear,
  type DecoderModel,
  type DecoderRow,
  expectRowsFit,
  type FusedDecoder,
} from '../decoder.ts';
import type { Drawn, SamplingRule } from '../ops/sample.ts';
import * as tf from '../tf.ts';
import { decoderGraph, type GraphKind, graphShape } from './decoderGraph.ts';
import { nativeModule } from './native.ts';
import { drawFiltered, makeNativeDecoder } from './nativeDecoder.ts';
import { quietly } from './quietly.ts';
import { type Binding, type NodeBackend, Operations, type Value } from './raw.ts';

/** Tokens of prompts in one run. */
const MOST_ROWS = 512;
/** Added to the score of a key that a row does not see. */
const HIDDEN = -1e9;
/** The largest number below 1 in single precision. */
const BELOW_ONE = 1 - 2 ** -24;

/** Graphs that have been loaded, by their shape. */
const loaded = new Map<string, number>();
/** Graphs with the outputs that have been asked of them. */
const optimised = new Set<string>();

function graphOf(binding: Binding, kind: GraphKind, model: DecoderModel): number {
  const shape = graphShape(kind, model);
  const key = JSON.stringify(shape);
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), 'fourfold-graph-'));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), decoderGraph(shape));
    const made = quietly(() => binding.loadSavedModel(folder, 'serve'));
    loaded.set(key, made);
    return made;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A decoder on the current back end; null on a GPU, where a graph's inputs and outputs would travel to and fro. */
export function makeTensorflowDecoder(model: DecoderModel, size: CacheSize): FusedDecoder | null {
  const backend = tf.backend() as NodeBackend;
  const native = nativeModule();
  if (native !== null) return makeNativeDecoder(native, model, size);
  return backend.isUsingGpuDevice ? null : new TensorflowDecoder(backend, model, size);
}

class TensorflowDecoder implements FusedDecoder {
  readonly #backend: NodeBackend;
  readonly #binding: Binding;
  readonly #model: DecoderModel;
  readonly #size: CacheSize;
  /** Everything that is fed to each run, by its name in the graph. */
  readonly #kept = new Map<string, Value>();
  /** Owns what is kept and made here. */
  readonly #made: Operations;

  constructor(backend: NodeBackend, model: DecoderModel, size: CacheSize) {
    this.#backend = backend;
    this.#binding = backend.binding;
    this.#model = model;
    this.#size = size;
    this.#made = new Operations(backend);
    try {
      this.#prepare();
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  extend(rows: ReadonlyArray<DecoderRow>): void {
    for (let start = 0; start < rows.length; start += MOST_ROWS) this.#extend(rows.slice(start, start + MOST_ROWS));
  }

  copy(from: number, to: number, length: number): void {
    const { kvHeads } = this.#model.shape;
    const rowsOf = (slot: number): Int32Array =>
      Int32Array.from({ length: kvHeads * length }, (_, i) => this.#rowAt(slot, Math.floor(i / length), i % length));
    const operations = new Operations(this.#backend);
    try {
      const [source, target] = [operations.integersOf(rowsOf(from)), operations.integersOf(rowsOf(to))];
      for (const [name, cache] of this.#kept) {
        if (!name.startsWith('keys_') && !name.startsWith('values_')) continue;
        const moved = operations.run('GatherV2', [cache, source, operations.integer(0)]);
        operations.run('InplaceUpdate', [cache, target, moved]);
      }
    } finally {
      operations.free();
    }
  }

  draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Drawn {
    const { slots, capacity } = this.#size;
    expectRowsFit(rows, this.#model.shape.vocab, this.#size);
    const kind = rows.length === slots && rows.every(({ slot }, i) => slot === i) ? 'drawAll' : 'draw';
    const operations = new Operations(this.#backend);
    try {
      const mask = new Float32Array(rows.length * capacity);
      for (const [i, { position }] of rows.entries())
        mask.fill(HIDDEN, i * capacity + position + 1, (i + 1) * capacity);
      const bounded = Float32Array.from(uniforms, (uniform) => Math.min(uniform, BELOW_ONE));
      const inputs = {
        ...this.#rowInputs(operations, rows),
        ...(kind === 'draw' ? { slots: operations.integersOf(Int32Array.from(rows, ({ slot }) => slot)) } : {}),
        mask: operations.floatsOf(mask, [rows.length, 1, 1, capacity]),
        inverseTemperature: operations.scalar(rule.temperature === 0 ? 1 : 1 / rule.temperature),
        uniforms: operations.floatsOf(bounded, [rows.length, 1]),
      };
      const isGreedy = rule.temperature === 0 || rule.topK === 1;
      if (!isGreedy && (rule.topK > 0 || rule.topP < 1)) {
        const [logits] = this.#run(operations, kind, inputs, ['logits']) as [Value];
        return drawFiltered(operations.finish([logits])[0] as tf.Tensor, uniforms, rule);
      }
      const choice = isGreedy ? 'greedy' : 'sampled';
      const outputs = this.#run(operations, kind, inputs, [choice, `${choice}LogProbs`, 'entropy']);
      const [tokens, logProbs, entropy] = outputs.map((output) => operations.read(output)) as [
        Int32Array,
        Float32Array,
        Float32Array,
      ];
      return { tokens: tokens.map((token, i) => (Number.isFinite(entropy[i]) ? token : -1)), logProbs, entropy };
    } finally {
      operations.free();
    }
  }

  dispose(): void {
    this.#made.free();
    this.#kept.clear();
  }

  /** Joins and turns the matrices of each layer, and makes the caches. */
  #prepare(): void {
    const made = this.#made;
    const { shape, layers, embedding, output, finalNorm, tables } = this.#model;
    const { kvHeads, headDim } = shape;
    const keep = (name: string, value: Value): unknown => this.#kept.set(name, value);
    const scratch = new Operations(this.#backend);
    try {
      const input = (tensor: tf.Tensor): Value => scratch.input(tensor);
      for (const [name, tensor] of Object.entries({ embedding, unembedding: output, finalNorm }))
        keep(name, input(tensor));
      for (const name of ['cos', 'sin'] as const) {
        keep(name, made.runOverList('ConcatV2', [input(tables[name]), input(tables[name])], made.integer(1)));
      }
      const rows = this.#size.slots * kvHeads * this.#size.capacity;
      for (const [i, layer] of layers.entries()) {
        for (const [name, value] of Object.entries(this.#layerInputs(layer, scratch))) keep(`${name}_${i}`, value);
        for (const name of ['keys', 'values']) {
          keep(`${name}_${i}`, made.run('Fill', [made.integers([rows, headDim]), made.scalar(0)]));
        }
      }
      const { slots, capacity } = this.#size;
      keep('cacheShape', made.integersOf(Int32Array.of(slots, kvHeads, capacity, headDim)));
    } finally {
      scratch.free();
    }
  }

  #layerInputs(layer: DecoderLayer, scratch: Operations): Record<string, Value> {
    const made = this.#made;
    const { inputNorm, feedForwardNorm, query, key, value, output, gate, up, down, queryNorm, keyNorm } = layer;
    const { hidden, headDim } = this.#model.shape;
    const input = (tensor: tf.Tensor): Value => scratch.input(tensor);
    const join = (operations: Operations, values: Value[]): Value =>
      values.length === 1 ? (values[0] as Value) : operations.runOverList('ConcatV2', values, operations.integer(0));
    const filled = (size: number, value: number): Value =>
      made.run('Fill', [made.integers([size]), made.scalar(value)]);
    /** Matrices [out, in] one below the other, as [in, out of all]; and their biases where any has one. */
    const linear = (name: string, hasBias: boolean, parts: DecoderLinear[]): Record<string, Value> => {
      const weights = parts.map(({ weight }) => input(weight));
      const biases = parts.map(({ weight, bias }) => (bias === null ? filled(weight.shape[0] ?? 0, 0) : input(bias)));
      const weight = made.transpose(join(scratch, weights), [1, 0]);
      return hasBias ? { [name]: weight, [`${name}Bias`]: join(made, biases) } : { [name]: weight };
    };
    const { hasBias, hasOutputBias, hasGateUpBias, hasDownBias, hasQueryNorm, hasKeyNorm } = graphShape(
      'extend',
      this.#model,
    );
    const gain = (norm: tf.Tensor | null, size: number): Value => (norm === null ? filled(size, 1) : input(norm));
    return {
      inputNorm: gain(inputNorm, hidden),
      feedForwardNorm: gain(feedForwardNorm, hidden),
      ...linear('projection', hasBias, [query, key, value]),
      ...linear('output', hasOutputBias, [output]),
      ...linear('gateUp', hasGateUpBias, [gate, up]),
      ...linear('down', hasDownBias, [down]),
      ...(hasQueryNorm ? { queryNorm: gain(queryNorm, headDim) } : {}),
      ...(hasKeyNorm ? { keyNorm: gain(keyNorm, headDim) } : {}),
    };
  }

  /** Rows of one slot side by side; a shorter slot repeats its last row, which writes the same once more. */
  #extend(rows: ReadonlyArray<DecoderRow>): void {
    expectRowsFit(rows, this.#model.shape.vocab, this.#size);
    const bySlot = new Map<number, DecoderRow[]>();
    for (const row of rows) bySlot.set(row.slot, [...(bySlot.get(row.slot) ?? []), row]);
    const time = Math.max(...[...bySlot.values()].map((own) => own.length));
    const padded = [...bySlot.values()].map((own) =>
      Array.from({ length: time }, (_, i) => own[Math.min(i, own.length - 1)] as DecoderRow),
    );
    const { heads, kvHeads, headDim, layers } = this.#model.shape;
    const { capacity } = this.#size;
    const [count, group] = [padded.length, heads / kvHeads];
    const mask = new Float32Array(count * group * time * capacity);
    let at = 0;
    for (const own of padded) {
      for (let g = 0; g < group; g++) {
        for (const { position } of own) {
          mask.fill(HIDDEN, at + position + 1, at + capacity);
          at += capacity;
        }
      }
    }
    const operations = new Operations(this.#backend);
    try {
      const inputs = {
        ...this.#rowInputs(operations, padded.flat()),
        slots: operations.integersOf(Int32Array.from(bySlot.keys())),
        ...(layers === 1 ? {} : { mask: operations.floatsOf(mask, [count, 1, group * time, capacity]) }),
        rows: operations.integersOf(Int32Array.of(count, time, kvHeads, group, headDim)),
        stacked: operations.integersOf(Int32Array.of(count, kvHeads, group * time, headDim)),
      };
      this.#run(operations, 'extend', inputs, ['written']);
    } finally {
      operations.free();
    }
  }

  #rowInputs(operations: Operations, rows: ReadonlyArray<DecoderRow>): Record<string, Value> {
    const { kvHeads } = this.#model.shape;
    const writeAt = new Int32Array(rows.length * kvHeads);
    for (const [i, { slot, position }] of rows.entries()) {
      for (let head = 0; head < kvHeads; head++) writeAt[i * kvHeads + head] = this.#rowAt(slot, head, position);
    }
    return {
      tokens: operations.integersOf(Int32Array.from(rows, ({ token }) => token)),
      positions: operations.integersOf(Int32Array.from(rows, ({ position }) => position)),
      writeAt: operations.integersOf(writeAt),
    };
  }

  /** The row of the caches that holds a head's key at a position. */
  #rowAt(slot: number, head: number, position: number): number {
    return (slot * this.#model.shape.kvHeads + head) * this.#size.capacity + position;
  }

  #run(operations: Operations, kind: GraphKind, inputs: Record<string, Value>, outputs: string[]): Value[] {
    const graph = graphOf(this.#binding, kind, this.#model);
    const isDraw = kind !== 'extend';
    const lastLayer = `_${this.#model.layers.length - 1}`;
    const feeds = Object.entries(inputs);
    for (const [name, value] of this.#kept) {
      // An extension ends at the last layer's caches.
      const isUnread = !isDraw && isAfterCaches(name, lastLayer);
      if (!isUnread) feeds.push([name, value]);
    }
    const names = feeds.map(([name]) => `${name}:0`).join(',');
    const ids = feeds.map(([, { id }]) => id);
    const wanted = outputs.map((name) => `${name}:0`).join(',');
    const run = (): Value[] => this.#binding.runSavedModel(graph, ids, names, wanted);
    // The first run of a graph optimises it, and says much of how.
    const signature = `${graph} ${wanted}`;
    const made = optimised.has(signature) ? run() : quietly(run);
    optimised.add(signature);
    return operations.adopt(made);
  }
}

/** Whether an input of a graph comes after the last layer's caches are written. */
function isAfterCaches(name: string, lastLayer: string): boolean {
  if (name === 'unembedding' || name === 'finalNorm') return true;
  if (!name.endsWith(lastLayer)) return false;
  const part = name.slice(0, -lastLayer.length).replace(/Bias$/, '');
  return ['output', 'feedForwardNorm', 'gateUp', 'down'].includes(part);
}
