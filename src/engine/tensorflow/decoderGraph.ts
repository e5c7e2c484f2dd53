// The graph of one decoding call: a Llama-shaped model over a few tokens, against caches that are written in place.
import type { DecoderModel } from '../decoder.ts';
import { type AttributeValue, FLOAT, GraphBuilder, INT32 } from './graphDef.ts';
import { quarterTurn } from './rowKernels.ts';

/**
 * What is done with the rows. 'extend': several tokens a slot, keys and values only; 'draw': one token a slot, and a token
 * drawn after each. A draw over all slots in their order reads the caches where they lie, any other a copy of its slots.
 */
export type GraphKind = 'extend' | 'draw' | 'drawAll';

/** What a graph depends on. */
export interface GraphShape {
  kind: GraphKind;
  vocab: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  normEpsilon: number;
  attentionScale: number;
  /** Which of the optional parts the model has. */
  hasBias: boolean;
  hasOutputBias: boolean;
  hasGateUpBias: boolean;
  hasDownBias: boolean;
  hasQueryNorm: boolean;
  hasKeyNorm: boolean;
}

export function graphShape(kind: GraphKind, { shape, layers }: DecoderModel): GraphShape {
  const has = (test: (layer: DecoderModel['layers'][number]) => boolean): boolean => layers.some(test);
  const { vocab, heads, kvHeads, headDim, normEpsilon, attentionScale } = shape;
  return {
    ...{ kind, vocab, layers: layers.length, heads, kvHeads, headDim, normEpsilon, attentionScale },
    hasBias: has(({ query, key, value }) => [query, key, value].some(({ bias }) => bias !== null)),
    hasOutputBias: has(({ output }) => output.bias !== null),
    hasGateUpBias: has(({ gate, up }) => gate.bias !== null || up.bias !== null),
    hasDownBias: has(({ down }) => down.bias !== null),
    hasQueryNorm: has(({ queryNorm }) => queryNorm !== null),
    hasKeyNorm: has(({ keyNorm }) => keyNorm !== null),
  };
}

const T: Record<string, AttributeValue> = { T: { type: FLOAT } };

/** The bytes of saved_model.pb. Inputs and outputs are named in the code; matrices come as [in, out] but for embedding and output. */
export function decoderGraph(shape: GraphShape): Uint8Array {
  const g = new Nodes();
  const { kind, heads, kvHeads, headDim, layers } = shape;
  const group = heads / kvHeads;
  const tokens = g.input('tokens', INT32);
  const positions = g.input('positions', INT32);
  const slots = kind === 'drawAll' ? null : g.input('slots', INT32);
  const writeAt = g.input('writeAt', INT32);
  const mask = kind === 'extend' && layers === 1 ? null : g.input('mask');
  const cacheShape = g.input('cacheShape', INT32);
  // [slots, time, kvHeads, group, headDim] and [slots, kvHeads, group·time, headDim], where time is not 1
  const apart = kind === 'extend' ? { rows: g.input('rows', INT32), stacked: g.input('stacked', INT32) } : null;
  const [cos, sin] = ['cos', 'sin'].map((name) => g.expand(g.gather(g.input(name), positions), 1)) as [string, string];
  const turn = g.floats([headDim, headDim], Array.from(quarterTurn(headDim, 1)));
  const rotate = (x: string, count: number): string => {
    const turned = g.reshape(g.matMul(g.reshape(x, [-1, headDim]), turn), [-1, count, headDim]);
    return g.add(g.mul(x, cos), g.mul(turned, sin));
  };

  let x = g.gather(g.input('embedding'), tokens);
  let written: string[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const weight = (name: string): string => g.input(`${name}_${layer}`);
    const norm = (value: string, name: string): string => g.rmsNorm(value, weight(name), shape.normEpsilon);
    const linear = (value: string, name: string, hasBias: boolean): string => {
      const product = g.matMul(value, weight(name));
      return hasBias ? g.add(product, weight(`${name}Bias`)) : product;
    };
    const projected = linear(norm(x, 'inputNorm'), 'projection', shape.hasBias);
    const parts = g.split(g.reshape(projected, [-1, heads + 2 * kvHeads, headDim]), [heads, kvHeads, kvHeads]);
    let [query, key] = parts as [string, string, string];
    const value = parts[2] as string;
    if (shape.hasQueryNorm) query = norm(query, 'queryNorm');
    if (shape.hasKeyNorm) key = norm(key, 'keyNorm');
    query = g.mul(rotate(query, heads), g.floats([], [shape.attentionScale]));
    const cache = (name: string, rows: string): string =>
      g.node('InplaceUpdate', [g.input(`${name}_${layer}`), writeAt, g.reshape(rows, [-1, headDim])], T);
    const caches = [cache('keys', rotate(key, kvHeads)), cache('values', value)] as const;
    written = [...caches];
    // What follows the last layer's cache is read by nobody in an extension.
    if (kind === 'extend' && layer === layers - 1) break;
    const [keys, values] = caches.map((rows) => {
      const all = g.node('Reshape', [rows, cacheShape], { ...T, Tshape: { type: INT32 } });
      return slots === null ? all : g.gather(all, slots);
    }) as [string, string];
    const mixed = attend({
      g,
      query,
      keys,
      values,
      mask: mask as string,
      apart,
      sizes: [heads, kvHeads, group, headDim],
    });
    x = g.add(x, linear(mixed, 'output', shape.hasOutputBias));
    const [gate, up] = g.halves(linear(norm(x, 'feedForwardNorm'), 'gateUp', shape.hasGateUpBias)) as [string, string];
    const activation = g.mul(g.mul(gate, g.node('Sigmoid', [gate], T)), up);
    x = g.add(x, linear(activation, 'down', shape.hasDownBias));
  }
  if (kind === 'extend') {
    g.named('written', 'Identity', [g.floats([], [0]), ...written.map((name) => `^${name}`)], T);
    return g.done();
  }
  const hidden = g.rmsNorm(x, g.input('finalNorm'), shape.normEpsilon);
  draw(
    g,
    g.named('logits', 'MatMul', [hidden, g.input('unembedding')], { ...T, transpose_b: { bool: true } }),
    shape.vocab,
  );
  return g.done();
}

interface Attend {
  g: Nodes;
  query: string;
  keys: string;
  values: string;
  mask: string;
  apart: { rows: string; stacked: string } | null;
  sizes: [heads: number, kvHeads: number, group: number, headDim: number];
}

/** Query heads stand below one another where they share a key head. @returns [rows, heads·headDim] */
function attend({ g, query, keys, values, mask, apart, sizes }: Attend): string {
  const [heads, kvHeads, group, headDim] = sizes;
  if (apart === null) {
    const scores = g.batchMatMul(g.reshape(query, [-1, kvHeads, group, headDim]), keys, true);
    const weights = g.node('Softmax', [g.add(scores, mask)], T);
    return g.reshape(g.batchMatMul(weights, values, false), [-1, heads * headDim]);
  }
  const reshapeTo = (x: string, shape: string): string =>
    g.node('Reshape', [x, shape], { ...T, Tshape: { type: INT32 } });
  const byHead = g.transpose(reshapeTo(query, apart.rows), [0, 2, 3, 1, 4]);
  const scores = g.batchMatMul(reshapeTo(byHead, apart.stacked), keys, true);
  // The mask is [slots, 1, group·time, keys].
  const weights = g.node('Softmax', [g.add(scores, mask)], T);
  const mixed = g.batchMatMul(weights, values, false);
  const apartAgain = g.node('Reshape', [mixed, g.node('Shape', [byHead], T)], { ...T, Tshape: { type: INT32 } });
  return g.reshape(g.transpose(apartAgain, [0, 3, 1, 2, 4]), [-1, heads * headDim]);
}

/** Greedy choice, and one by the inverse of the cumulative distribution; what `sampleReference` computes without filters. */
function draw(g: Nodes, logits: string, vocab: number): void {
  const scaled = g.mul(logits, g.input('inverseTemperature'));
  const logProbs = g.node('LogSoftmax', [scaled], T);
  const probs = g.node('Exp', [logProbs], T);
  // 0 · -Infinity counts as 0.
  g.named('entropy', 'Neg', [g.sum(g.node('MulNoNan', [logProbs, probs], T), FLOAT)], T);
  const sums = g.node('Cumsum', [probs, g.integers([], [1])], { ...T, Tidx: { type: INT32 } });
  const total = g.node('Slice', [sums, g.integers([2], [0, vocab - 1]), g.integers([2], [-1, 1])], {
    ...T,
    Index: { type: INT32 },
  });
  const target = g.mul(total, g.input('uniforms'));
  const isBefore = g.node('Cast', [g.node('LessEqual', [sums, target], T)], {
    SrcT: { type: 10 },
    DstT: { type: INT32 },
  });
  const before = g.sum(isBefore, INT32);
  g.named('sampled', 'Minimum', [before, g.integers([], [vocab - 1])], { T: { type: INT32 } });
  g.named('greedy', 'ArgMax', [logits, g.integers([], [1])], {
    ...T,
    Tidx: { type: INT32 },
    output_type: { type: INT32 },
  });
  for (const choice of ['sampled', 'greedy']) {
    const at = g.node('ExpandDims', [choice, g.integers([], [1])], { T: { type: INT32 }, Tdim: { type: INT32 } });
    const chosen = g.node('GatherV2', [logProbs, at, g.integers([], [1])], {
      ...{ Tparams: { type: FLOAT }, Tindices: { type: INT32 }, Taxis: { type: INT32 }, batch_dims: { int: 1 } },
    });
    g.named(`${choice}LogProbs`, 'Identity', [g.reshape(chosen, [-1])], T);
  }
}

/** Nodes of the few kinds that a model needs. */
class Nodes extends GraphBuilder {
  readonly #inputs = new Set<string>();

  input(name: string, type = FLOAT): string {
    if (!this.#inputs.has(name)) this.placeholder(name, type);
    this.#inputs.add(name);
    return name;
  }

  add(a: string, b: string): string {
    return this.node('AddV2', [a, b], T);
  }

  mul(a: string, b: string): string {
    return this.node('Mul', [a, b], T);
  }

  matMul(a: string, b: string): string {
    return this.node('MatMul', [a, b], T);
  }

  batchMatMul(a: string, b: string, transposesB: boolean): string {
    return this.node('BatchMatMulV2', [a, b], { ...T, adj_y: { bool: transposesB } });
  }

  reshape(x: string, shape: number[]): string {
    return this.node('Reshape', [x, this.integers([shape.length], shape)], { ...T, Tshape: { type: INT32 } });
  }

  transpose(x: string, order: number[]): string {
    return this.node('Transpose', [x, this.integers([order.length], order)], { ...T, Tperm: { type: INT32 } });
  }

  expand(x: string, axis: number): string {
    return this.node('ExpandDims', [x, this.integers([], [axis])], { ...T, Tdim: { type: INT32 } });
  }

  gather(table: string, indices: string): string {
    return this.node('GatherV2', [table, indices, this.integers([], [0])], {
      ...{ Tparams: { type: FLOAT }, Tindices: { type: INT32 }, Taxis: { type: INT32 } },
    });
  }

  /** Parts of the given sizes along axis 1. */
  split(x: string, sizes: number[]): string[] {
    const node = this.node('SplitV', [x, this.integers([sizes.length], sizes), this.integers([], [1])], {
      ...T,
      ...{ Tlen: { type: INT32 }, num_split: { int: sizes.length } },
    });
    return sizes.map((_, i) => (i === 0 ? node : `${node}:${i}`));
  }

  /** Two halves along axis 1. */
  halves(x: string): string[] {
    const node = this.node('Split', [this.integers([], [1]), x], { ...T, num_split: { int: 2 } });
    return [node, `${node}:1`];
  }

  /** Along axis 1. */
  sum(x: string, type: number): string {
    return this.node('Sum', [x, this.integers([1], [1])], { T: { type }, Tidx: { type: INT32 } });
  }

  /** Over the last axis. */
  rmsNorm(x: string, gain: string, epsilon: number): string {
    const squares = this.node('Square', [x], T);
    const mean = this.node('Mean', [squares, this.integers([1], [-1])], {
      ...T,
      ...{ Tidx: { type: INT32 }, keep_dims: { bool: true } },
    });
    const scale = this.node('Rsqrt', [this.add(mean, this.floats([], [epsilon]))], T);
    return this.mul(this.mul(x, scale), gain);
  }
}
