// Kernels value by value on webgpu: activations, rotary positions, embedding.
import { defineKernel } from './define.ts';
import { type Dispatcher, type Groups, groupsFor, type Program, UNIT_OF } from './dispatcher.ts';
import { rowsOf, sizeOf } from './sizes.ts';
import { TANH } from './wgsl.ts';

/** WGSL: an entry point with one lane a value, its number `i` below p.count. */
export const valueMain = (body: string): string => `${UNIT_OF}
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
export const groupsOf = (count: number): Groups => groupsFor(Math.ceil(count / 128));

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

/** √(2/π) and 1/√(2π). */
const [TANH_SCALE, NORMAL_PEAK] = [Math.sqrt(2 / Math.PI), 1 / Math.sqrt(2 * Math.PI)];

/**
 * The normal distribution function by the complementary error function, whose relative error is below 1.2e-7 everywhere
 * (Press et al. 1992, Numerical Recipes, section 6.2).
 */
const NORMAL_CDF = `
fn normalCdf(v: f32) -> f32 {
  let x = abs(v) * ${Math.SQRT1_2};
  let t = 1.0 / (1.0 + 0.5 * x);
  let power = -x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(power);
  return select(1.0 - tail, tail, v < 0.0);
}`;

const GELU: Program = {
  name: 'gelu',
  buffers: { x: 'in f32', y: 'out f32' },
  numbers: { count: 'u32', isTanh: 'u32' },
  body: `${TANH}${NORMAL_CDF}${valueMain(`
  let v = x[i];
  if (p.isTanh == 1u) { y[i] = 0.5 * v * (1.0 + tanhOf(${TANH_SCALE} * (v + 0.044715 * v * v * v))); }
  else { y[i] = v * normalCdf(v); }`)}`,
};

/** d/dx x·Φ(x) = Φ(x) + x·φ(x), and the derivative of the tanh formula. */
const GELU_GRADIENT: Program = {
  name: 'geluGradient',
  buffers: { x: 'in f32', dy: 'in f32', dx: 'out f32' },
  numbers: { count: 'u32', isTanh: 'u32' },
  body: `${TANH}${NORMAL_CDF}${valueMain(`
  let v = x[i];
  if (p.isTanh == 1u) {
    let bend = tanhOf(${TANH_SCALE} * (v + 0.044715 * v * v * v));
    let slope = ${TANH_SCALE} * (1.0 + 3.0 * 0.044715 * v * v);
    dx[i] = dy[i] * (0.5 * (1.0 + bend) + 0.5 * v * (1.0 - bend * bend) * slope);
  } else {
    dx[i] = dy[i] * (normalCdf(v) + v * ${NORMAL_PEAK} * exp(-0.5 * v * v));
  }`)}`,
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

export const EMBEDDING: Program = {
  name: 'embedding',
  buffers: { table: 'in f32', ids: 'in i32', y: 'out f32' },
  numbers: { count: 'u32', width: 'u32' },
  body: valueMain('y[i] = table[u32(ids[i / p.width]) * p.width + i % p.width];'),
};

/**
 * One work group a row of the table, which looks for its id, 64 at a time: sums in the order of the ids, with no atomics on
 * the values.
 */
const EMBEDDING_GRADIENT: Program = {
  name: 'embeddingGradient',
  buffers: { dy: 'in f32', ids: 'in i32', dTable: 'out f32' },
  numbers: { vocab: 'u32', width: 'u32', count: 'u32' },
  body: `${UNIT_OF}
var<workgroup> found: array<atomic<u32>, 2>;
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = unitOf(group, groups);
  if (row >= p.vocab) { return; }
  for (var i = lane; i < p.width; i += 64u) { dTable[row * p.width + i] = 0.0; }
  for (var from0 = 0u; from0 < p.count; from0 += 64u) {
    let at = from0 + lane;
    workgroupBarrier();
    if (lane < 2u) { atomicStore(&found[lane], 0u); }
    workgroupBarrier();
    if (at < p.count && u32(ids[min(at, p.count - 1u)]) == row) { atomicOr(&found[lane / 32u], 1u << (lane % 32u)); }
    workgroupBarrier();
    for (var half = 0u; half < 2u; half++) {
      var bits = atomicLoad(&found[half]);
      while (bits != 0u) {
        let from1 = (from0 + half * 32u + countTrailingZeros(bits)) * p.width;
        for (var i = lane; i < p.width; i += 64u) { dTable[row * p.width + i] += dy[from1 + i]; }
        bits &= bits - 1u;
      }
    }
  }
}`,
};

/** Four int8 values a word, the first in the lowest byte; extractBits keeps the sign. */
const DEQUANTIZE: Program = {
  name: 'dequantize',
  buffers: { words: 'in i32', scales: 'in f32', y: 'out f32' },
  numbers: { count: 'u32', width: 'u32', perRow: 'u32' },
  body: valueMain(`
  let row = i / p.width;
  let column = i % p.width;
  let word = words[row * p.perRow + column / 4u];
  y[i] = f32(extractBits(word, (column % 4u) * 8u, 8u)) * scales[row];`),
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

  defineKernel('FourfoldGelu', ({ input, attributes }) => {
    const x = input('x');
    const y = dispatcher.output(x.shape);
    const count = sizeOf(x.shape);
    dispatcher.run(GELU, { x, y }, { count, isTanh: attributes.isTanh === true ? 1 : 0 }, groupsOf(count));
    return y;
  });
  defineKernel('FourfoldGeluGradient', ({ input, attributes }) => {
    const [x, dy] = [input('x'), input('dy')];
    const dx = dispatcher.output(x.shape);
    const count = sizeOf(x.shape);
    dispatcher.run(
      GELU_GRADIENT,
      { x, dy, dx },
      { count, isTanh: attributes.isTanh === true ? 1 : 0 },
      groupsOf(count),
    );
    return dx;
  });

  defineKernel('FourfoldDequantize', ({ input, number }) => {
    const [words, scales, width] = [input('packed'), input('scales'), number('width')];
    const [out, perRow] = words.shape as [number, number];
    const y = dispatcher.output([out, width]);
    const count = out * width;
    dispatcher.run(DEQUANTIZE, { words, scales, y }, { count, width, perRow }, groupsOf(count));
    return y;
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
}
