// Kernels value by value on webgpu: the gated activation, rotary positions, embedding, AdamW, norm and clipping.
import { defineKernel } from './define.ts';
import { type Dispatcher, type Groups, groupsFor, type Program, UNIT_OF } from './dispatcher.ts';
import { REDUCE } from './rows.ts';
import { rowsOf, sizeOf } from './sizes.ts';

/** WGSL: an entry point with one lane a value, its number `i` below p.count. */
const valueMain = (body: string): string => `${UNIT_OF}
@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = unitOf(group, groups) * 128u + lane;
  if (i >= p.count) { return; }
  ${body}
}`;
const groupsOf = (count: number): Groups => groupsFor(Math.ceil(count / 128));

const SWIGLU: Program = {
  name: 'swiglu',
  buffers: { gate: 'in f32', up: 'in f32', y: 'out f32' },
  numbers: { count: 'u32' },
  body: valueMain('y[i] = gate[i] / (1.0 + exp(-gate[i])) * up[i];'),
};

/** With σ = sigmoid(gate): dGate = dy·up·σ·(1 + gate·(1 - σ)), dUp = dy·gate·σ. */
const SWIGLU_GRADIENT: Program = {
  name: 'swigluGradient',
  buffers: { gate: 'in f32', up: 'in f32', dy: 'in f32', dGate: 'out f32', dUp: 'out f32' },
  numbers: { count: 'u32' },
  body: valueMain(`
  let sigmoid = 1.0 / (1.0 + exp(-gate[i]));
  dGate[i] = dy[i] * up[i] * sigmoid * (1.0 + gate[i] * (1.0 - sigmoid));
  dUp[i] = dy[i] * gate[i] * sigmoid;`),
};

/** One lane a pair (x[j], x[j + half]) of a head; turned by +θ where sign is 1, by -θ where it is -1. */
const ROTARY: Program = {
  name: 'rotary',
  buffers: { x: 'in f32', positions: 'in i32', cosines: 'in f32', sines: 'in f32', y: 'out f32' },
  numbers: { count: 'u32', heads: 'u32', half: 'u32', sign: 'f32' },
  body: valueMain(`
  let j = i % p.half;
  let head = i / p.half;
  let at = u32(positions[head / p.heads]) * p.half + j;
  let first = head * 2u * p.half + j;
  let second = first + p.half;
  let c = cosines[at];
  let s = sines[at] * p.sign;
  y[first] = x[first] * c - x[second] * s;
  y[second] = x[second] * c + x[first] * s;`),
};

const EMBEDDING: Program = {
  name: 'embedding',
  buffers: { table: 'in f32', ids: 'in i32', y: 'out f32' },
  numbers: { count: 'u32', width: 'u32' },
  body: valueMain('y[i] = table[u32(ids[i / p.width]) * p.width + i % p.width];'),
};

/** One work group a row of the table, which looks for its id: sums in the order of the ids, with no atomics. */
const EMBEDDING_GRADIENT: Program = {
  name: 'embeddingGradient',
  buffers: { dy: 'in f32', ids: 'in i32', dTable: 'out f32' },
  numbers: { vocab: 'u32', width: 'u32', count: 'u32' },
  body: `${UNIT_OF}
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = unitOf(group, groups);
  if (row >= p.vocab) { return; }
  for (var i = lane; i < p.width; i += 64u) { dTable[row * p.width + i] = 0.0; }
  for (var at = 0u; at < p.count; at++) {
    if (u32(ids[at]) != row) { continue; }
    for (var i = lane; i < p.width; i += 64u) { dTable[row * p.width + i] += dy[at * p.width + i]; }
  }
}`,
};

/** In place, as src/engine/adamW.ts writes it. */
const ADAM_W: Program = {
  name: 'adamW',
  buffers: { gradient: 'in f32', value: 'out f32', m: 'out f32', v: 'out f32' },
  numbers: {
    count: 'u32',
    ...{ beta1: 'f32', rest1: 'f32', beta2: 'f32', rest2: 'f32' },
    ...{ rate: 'f32', rootScale: 'f32', epsilon: 'f32', keep: 'f32' },
  },
  body: valueMain(`
  let first = p.beta1 * m[i] + p.rest1 * gradient[i];
  let second = p.beta2 * v[i] + p.rest2 * gradient[i] * gradient[i];
  m[i] = first;
  v[i] = second;
  value[i] = p.keep * value[i] - p.rate * first / (sqrt(second) * p.rootScale + p.epsilon);`),
};

/** How many work groups share the sum of squares of one tensor. */
const PARTS = 32;

const SQUARES: Program = {
  name: 'squares',
  buffers: { x: 'in f32', partial: 'out f32' },
  numbers: { count: 'u32', at: 'u32' },
  body: `${REDUCE}
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = group.x * LANES + lane; i < p.count; i += LANES * ${PARTS}u) { sum += x[i] * x[i]; }
  sum = sumOf(sum, lane);
  if (lane == 0u) { partial[p.at + group.x] = sum; }
}`,
};

const ROOT: Program = {
  name: 'rootOfSum',
  buffers: { partial: 'in f32', norm: 'out f32' },
  numbers: { count: 'u32' },
  body: `${REDUCE}
@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < p.count; i += LANES) { sum += partial[i]; }
  sum = sumOf(sum, lane);
  if (lane == 0u) { norm[0] = sqrt(sum); }
}`,
};

const CLIP: Program = {
  name: 'clip',
  buffers: { x: 'in f32', norm: 'in f32', y: 'out f32' },
  numbers: { count: 'u32', maxNorm: 'f32' },
  body: valueMain('y[i] = x[i] * min(1.0, p.maxNorm / (norm[0] + 1e-6));'),
};

export function definePointwise(dispatcher: Dispatcher): void {
  defineKernel('FourfoldSwiglu', ({ input }) => {
    const [gate, up] = [input('gate'), input('up')];
    const y = dispatcher.output(gate.shape);
    const count = sizeOf(gate.shape);
    dispatcher.run(SWIGLU, { gate, up, y }, { count }, groupsOf(count));
    return y;
  });
  defineKernel('FourfoldSwigluGradient', ({ input }) => {
    const [gate, up, dy] = [input('gate'), input('up'), input('dy')];
    const [dGate, dUp] = [dispatcher.output(gate.shape), dispatcher.output(gate.shape)];
    const count = sizeOf(gate.shape);
    dispatcher.run(SWIGLU_GRADIENT, { gate, up, dy, dGate, dUp }, { count }, groupsOf(count));
    return [dGate, dUp];
  });

  defineKernel('FourfoldRotary', ({ input, number }) => {
    const [x, positions] = [input('x'), input('positions')];
    const y = dispatcher.output(x.shape);
    const { width } = rowsOf(x.shape);
    const count = sizeOf(x.shape) / 2;
    dispatcher.run(
      ROTARY,
      { x, positions, cosines: input('cos'), sines: input('sin'), y },
      { count, heads: x.shape[2] ?? 1, half: width / 2, sign: number('sign') },
      groupsOf(count),
    );
    return y;
  });

  defineKernel('FourfoldEmbedding', ({ input }) => {
    const [table, ids] = [input('table'), input('ids')];
    const width = table.shape[1] ?? 1;
    const y = dispatcher.output([...ids.shape, width]);
    const count = sizeOf(y.shape);
    dispatcher.run(EMBEDDING, { table, ids, y }, { count, width }, groupsOf(count));
    return y;
  });
  defineKernel('FourfoldEmbeddingGradient', ({ input, number }) => {
    const [dy, ids, vocab] = [input('dy'), input('ids'), number('vocab')];
    const { rows, width } = rowsOf(dy.shape);
    const dTable = dispatcher.output([vocab, width]);
    dispatcher.run(EMBEDDING_GRADIENT, { dy, ids, dTable }, { vocab, width, count: rows }, groupsFor(vocab));
    return dTable;
  });

  // In place: value, m and v change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ input, number }) => {
    const [gradient, value, m, v] = [input('gradient'), input('value'), input('m'), input('v')];
    const count = sizeOf(value.shape);
    const [beta1, beta2] = [number('beta1'), number('beta2')];
    const rates = Object.fromEntries(['rate', 'rootScale', 'epsilon', 'keep'].map((name) => [name, number(name)]));
    const numbers = { count, beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, ...rates };
    dispatcher.run(ADAM_W, { gradient, value, m, v }, numbers, groupsOf(count));
    return [];
  });

  // sqrt(Σ over all inputs of Σ x²)
  defineKernel('FourfoldGlobalNorm', ({ inputs }) => {
    const tensors = Object.values(inputs);
    const partial = dispatcher.output([Math.max(1, tensors.length) * PARTS]);
    for (const [i, x] of tensors.entries()) {
      dispatcher.run(SQUARES, { x, partial }, { count: sizeOf(x.shape), at: i * PARTS }, [PARTS]);
    }
    const norm = dispatcher.output([]);
    dispatcher.run(ROOT, { partial, norm }, { count: tensors.length * PARTS }, [1]);
    dispatcher.release(partial);
    return norm;
  });
  // x · min(1, maxNorm / (norm + 1e-6))
  defineKernel('FourfoldClip', ({ input, number }) => {
    const [x, norm] = [input('x'), input('norm')];
    const y = dispatcher.output(x.shape);
    const count = sizeOf(x.shape);
    dispatcher.run(CLIP, { x, norm, y }, { count, maxNorm: number('maxNorm') }, groupsOf(count));
    return y;
  });
}
