// The decoder on webgpu: a step over all rows is a list of runs, bound once and put into the queue together; the host reads
// back three numbers a row at its end.
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
import { COPY_SLOT, GATE, HEAD_NORMS, slotAttention, TURN_AND_KEEP } from './decodingPrograms.ts';
import { type Bound, type Dispatcher, groupsFor, type TensorInfo } from './dispatcher.ts';
import { multiplyFewRows } from './fewRows.ts';
import { RMS_NORM } from './norms.ts';
import { EMBEDDING, groupsOf } from './pointwise.ts';
import { multiply, plain, turned } from './products.ts';
import { ruleNumbers, samplerOf } from './sampling.ts';

/** Tokens of prompts in one pass. */
const MOST_ROWS = 4096;
/** Beyond so many rows, products go through the tiles of training. */
const FEW = 96;

/** What puts runs into the queue, or notes them down. */
type Runner = Pick<Dispatcher, 'run' | 'output' | 'release' | 'workgroupBytes'>;

/** A decoder on the device; null where the model's sizes are not whole vectors of four. */
export function makeWebgpuDecoder(dispatcher: Dispatcher, model: DecoderModel, size: CacheSize): WebgpuDecoder | null {
  const { hidden, intermediate, heads, headDim } = model.shape;
  const areVectors = [hidden, intermediate, heads * headDim].every((width) => width % 4 === 0);
  if (!areVectors || headDim % 2 !== 0) return null;
  return new WebgpuDecoder(dispatcher, model, size);
}

class WebgpuDecoder implements FusedDecoder {
  readonly #dispatcher: Dispatcher;
  readonly #model: DecoderModel;
  readonly #size: CacheSize;
  readonly #most: number;
  readonly #space: Record<'x' | 'normed' | 'scales' | 'projected' | 'mixed' | 'both' | 'gated', TensorInfo>;
  readonly #given: Record<'tokens' | 'slots' | 'positions' | 'uniforms', TensorInfo>;
  readonly #logits: TensorInfo;
  readonly #caches: { keys: TensorInfo; values: TensorInfo }[];
  /** Steps that were bound, by their rows and rule. */
  readonly #steps = new Map<string, { runs: Bound[]; drawn: TensorInfo }>();

  constructor(dispatcher: Dispatcher, model: DecoderModel, size: CacheSize) {
    this.#dispatcher = dispatcher;
    this.#model = model;
    this.#size = size;
    const { hidden, intermediate, layers, heads, kvHeads, headDim, vocab } = model.shape;
    const most = Math.max(size.slots, Math.min(MOST_ROWS, size.slots * size.capacity));
    this.#most = most;
    const output = (...shape: number[]): TensorInfo => dispatcher.output(shape);
    this.#space = {
      ...{ x: output(most, hidden), normed: output(most, hidden), scales: output(most) },
      ...{ projected: output(most, (heads + 2 * kvHeads) * headDim), mixed: output(most, heads * headDim) },
      ...{ both: output(most, 2 * intermediate), gated: output(most, intermediate) },
    };
    const integers = (): TensorInfo => dispatcher.integers([most]);
    this.#given = { tokens: integers(), slots: integers(), positions: integers(), uniforms: output(size.slots) };
    this.#logits = output(size.slots, vocab);
    const table = (): TensorInfo => output(size.slots * kvHeads * size.capacity, headDim);
    this.#caches = Array.from({ length: layers }, () => ({ keys: table(), values: table() }));
  }

  extend(rows: ReadonlyArray<DecoderRow>): void {
    for (let start = 0; start < rows.length; start += this.#most) {
      const part = rows.slice(start, start + this.#most);
      this.#give(part);
      this.#pass(this.#dispatcher, part.length, false);
    }
  }

  copy(from: number, to: number, length: number): void {
    const { kvHeads, headDim } = this.#model.shape;
    const { capacity } = this.#size;
    const count = kvHeads * length * headDim;
    if (count === 0 || from === to) return;
    const start = (slot: number): number => slot * kvHeads * capacity * headDim;
    const numbers = { count, source: start(from), goal: start(to), length, capacity, dim: headDim };
    for (const cache of this.#caches) this.#dispatcher.run(COPY_SLOT, { ...cache }, numbers, groupsOf(count));
  }

  async draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Promise<Drawn> {
    this.#give(rows);
    this.#dispatcher.write(this.#given.uniforms, Float32Array.from(uniforms));
    const { runs, drawn } = this.#step(rows.length, rule);
    for (const run of runs) this.#dispatcher.repeat(run);
    const values = await this.#dispatcher.read(drawn);
    const part = (index: number) => values.slice(index * rows.length, (index + 1) * rows.length);
    return { tokens: part(0), logProbs: part(1), entropy: part(2) };
  }

  dispose(): void {
    const caches = this.#caches.flatMap(({ keys, values }) => [keys, values]);
    const drawn = [...this.#steps.values()].map((step) => step.drawn);
    for (const tensor of [
      ...Object.values(this.#space),
      ...Object.values(this.#given),
      this.#logits,
      ...caches,
      ...drawn,
    ])
      this.#dispatcher.release(tensor);
    this.#steps.clear();
  }

  #give(rows: ReadonlyArray<DecoderRow>): void {
    expectRowsFit(rows, this.#model.shape.vocab, this.#size);
    const { tokens, slots, positions } = this.#given;
    this.#dispatcher.write(
      tokens,
      Int32Array.from(rows, ({ token }) => token),
    );
    this.#dispatcher.write(
      slots,
      Int32Array.from(rows, ({ slot }) => slot),
    );
    this.#dispatcher.write(
      positions,
      Int32Array.from(rows, ({ position }) => position),
    );
  }

  /** The bound runs of a step that draws, and where what it draws comes to lie. */
  #step(rows: number, rule: SamplingRule): { runs: Bound[]; drawn: TensorInfo } {
    const key = `${rows} ${JSON.stringify(rule)}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const dispatcher = this.#dispatcher;
    const runs: Bound[] = [];
    const runner: Runner = {
      run: (...given) => void runs.push(dispatcher.bind(...given)),
      output: (shape) => dispatcher.output(shape),
      release: (tensor) => dispatcher.release(tensor),
      workgroupBytes: dispatcher.workgroupBytes,
    };
    this.#pass(runner, rows, true);
    const { vocab } = this.#model.shape;
    const drawn = dispatcher.output([3, rows]);
    const tensors = { logits: this.#logits, uniforms: this.#given.uniforms, drawn };
    runner.run(samplerOf(vocab), tensors, { rows, vocab, ...ruleNumbers(rule) }, groupsFor(rows));
    const step = { runs, drawn };
    this.#steps.set(key, step);
    return step;
  }

  /** The rows through all layers; logits where something is drawn, else keys and values alone. */
  #pass(runner: Runner, rows: number, draws: boolean): void {
    const { shape, embedding, layers, finalNorm, output } = this.#model;
    const { hidden, vocab } = shape;
    const { x, normed } = this.#space;
    const count = rows * hidden;
    runner.run(
      EMBEDDING,
      { table: info(embedding), ids: this.#given.tokens, y: x },
      { count, width: hidden },
      groupsOf(count),
    );
    for (const [index, layer] of layers.entries()) {
      const isLast = index === layers.length - 1;
      this.#attend(runner, rows, layer, index);
      if (isLast && !draws) return;
      this.#mix(runner, rows, layer, index);
    }
    this.#norm(runner, rows, finalNorm);
    const layer = { weight: output, bias: null };
    this.#linear(runner, rows, { x: normed, width: hidden, layers: [layer], to: this.#logits, out: vocab });
  }

  /** Queries, keys and values of a layer, keys and values into the cache. */
  #attend(runner: Runner, rows: number, layer: DecoderLayer, index: number): void {
    const { hidden, heads, kvHeads, headDim, normEpsilon } = this.#model.shape;
    const { normed, projected } = this.#space;
    const { slots, positions } = this.#given;
    const all = heads + 2 * kvHeads;
    this.#norm(runner, rows, layer.inputNorm);
    this.#linear(runner, rows, {
      ...{ x: normed, width: hidden, to: projected, out: all * headDim },
      layers: [layer.query, layer.key, layer.value],
    });
    if (layer.queryNorm !== null && layer.keyNorm !== null) {
      runner.run(
        HEAD_NORMS,
        { projected, queryNorm: info(layer.queryNorm), keyNorm: info(layer.keyNorm) },
        { heads, kvHeads, dim: headDim, epsilon: normEpsilon },
        [heads + kvHeads, rows],
      );
    }
    const { cos, sin } = this.#model.tables;
    const count = (rows * all * headDim) / 2;
    runner.run(
      TURN_AND_KEEP,
      { projected, slots, positions, cosines: info(cos), sines: info(sin), ...this.#cache(index) },
      { count, heads, kvHeads, half: headDim / 2, capacity: this.#size.capacity },
      groupsOf(count),
    );
  }

  /** Attention to the cache and the feed-forward block, added to the rows. */
  #mix(runner: Runner, rows: number, layer: DecoderLayer, index: number): void {
    const { hidden, intermediate, heads, kvHeads, headDim, attentionScale: scale } = this.#model.shape;
    const { x, normed, projected, mixed, both, gated } = this.#space;
    const { slots, positions } = this.#given;
    runner.run(
      slotAttention(headDim),
      { query: projected, slots, lengths: positions, ...this.#cache(index), result: mixed },
      {
        ...{ pitch: (heads + 2 * kvHeads) * headDim, heads, kvHeads, capacity: this.#size.capacity },
        ...{ more: 1, scale, window: 0, softcap: 0 },
      },
      [heads, rows],
    );
    const added = { to: x, out: hidden, accumulates: true };
    this.#linear(runner, rows, { x: mixed, width: heads * headDim, layers: [layer.output], ...added });
    this.#norm(runner, rows, layer.feedForwardNorm);
    const ways = { layers: [layer.gate, layer.up], to: both, out: 2 * intermediate };
    this.#linear(runner, rows, { x: normed, width: hidden, ...ways });
    const count = rows * intermediate;
    runner.run(GATE, { both, y: gated }, { count, width: intermediate }, groupsOf(count));
    this.#linear(runner, rows, { x: gated, width: intermediate, layers: [layer.down], ...added });
  }

  #cache(index: number): { keys: TensorInfo; values: TensorInfo } {
    const cache = this.#caches[index];
    if (cache === undefined) throw new Error(`There is no cache of layer ${index}.`);
    return cache;
  }

  #norm(runner: Runner, rows: number, weight: DecoderModel['finalNorm']): void {
    const { hidden, normEpsilon: epsilon } = this.#model.shape;
    const { x, normed: y, scales } = this.#space;
    runner.run(RMS_NORM, { x, weight: info(weight), y, scales }, { rows, width: hidden, epsilon }, groupsFor(rows));
  }

  #linear(
    runner: Runner,
    rows: number,
    given: {
      x: TensorInfo;
      width: number;
      layers: DecoderLinear[];
      to: TensorInfo;
      out: number;
      accumulates?: boolean;
    },
  ): void {
    const { x, width, to, out, accumulates = false } = given;
    const layers = given.layers.map(({ weight, bias }) => ({
      weight: info(weight),
      bias: bias === null ? null : info(bias),
    }));
    if (rows <= FEW) {
      multiplyFewRows(runner, { rows, width, x, layers, to, accumulates });
      return;
    }
    let toAt = 0;
    for (const { weight, bias } of layers) {
      const n = weight.shape[0] ?? 0;
      multiply(runner, {
        ...{ size: { m: rows, n, k: width }, a: plain(x, width), b: turned(weight, width) },
        ...{ to, toAt, toPitch: out, accumulates, bias: bias ?? undefined },
      });
      toAt += n;
    }
  }
}

const info = (tensor: DecoderModel['embedding']): TensorInfo => tensor as unknown as TensorInfo;
