// What decoding needs beside the common programs: rotated keys into the cache, attention of one query a row over its slot,
// rows written into a table. A slot's keys and values lie as [kvHead, position, headDim].
import type { Program } from './dispatcher.ts';
import { valueMain } from './pointwise.ts';
import { REDUCE } from './rows.ts';
import { TANH } from './wgsl.ts';

/** Each query and key head of [rows, queries, keys, values] by its own root mean square, in place; one work group a head. */
export const HEAD_NORMS: Program = {
  name: 'headNorms',
  buffers: { projected: 'out f32', queryNorm: 'in f32', keyNorm: 'in f32' },
  numbers: { heads: 'u32', kvHeads: 'u32', dim: 'u32', epsilon: 'f32' },
  body: `${REDUCE}
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * (p.heads + 2u * p.kvHeads) + group.x) * p.dim;
  var sum = 0.0;
  for (var i = lane; i < p.dim; i += LANES) { sum += projected[at + i] * projected[at + i]; }
  let scale = inverseSqrt(sumOf(sum, lane) / f32(p.dim) + p.epsilon);
  for (var i = lane; i < p.dim; i += LANES) {
    var gain = keyNorm[i];
    if (group.x < p.heads) { gain = queryNorm[i]; }
    projected[at + i] = projected[at + i] * scale * gain;
  }
}`,
};

/** Queries turned to their positions in place; keys turned, and values, into the cache. One lane a pair of a head. */
export const TURN_AND_KEEP: Program = {
  name: 'turnAndKeep',
  buffers: {
    ...{ projected: 'out f32', slots: 'in i32', positions: 'in i32', cosines: 'in f32', sines: 'in f32' },
    ...{ keys: 'out f32', values: 'out f32' },
  },
  numbers: { count: 'u32', heads: 'u32', kvHeads: 'u32', half: 'u32', capacity: 'u32' },
  body: valueMain(`
  let all = p.heads + 2u * p.kvHeads;
  let j = i % p.half;
  let head = (i / p.half) % all;
  let row = i / (p.half * all);
  let position = u32(positions[row]);
  let first = (row * all + head) * 2u * p.half + j;
  let x = projected[first];
  let y = projected[first + p.half];
  if (head >= p.heads + p.kvHeads) {
    let at = ((u32(slots[row]) * p.kvHeads + head - p.heads - p.kvHeads) * p.capacity + position) * 2u * p.half + j;
    values[at] = x;
    values[at + p.half] = y;
    return;
  }
  let c = cosines[position * p.half + j];
  let s = sines[position * p.half + j];
  if (head < p.heads) {
    projected[first] = x * c - y * s;
    projected[first + p.half] = y * c + x * s;
    return;
  }
  let at = ((u32(slots[row]) * p.kvHeads + head - p.heads) * p.capacity + position) * 2u * p.half + j;
  keys[at] = x * c - y * s;
  keys[at + p.half] = y * c + x * s;`),
};

const slotAttentions = new Map<number, Program>();

/**
 * softmax(scale · q·Kᵀ)·V of a row and head over the first `lengths + more` positions of its slot: a work group each, one key
 * a lane for the scores, one column a lane for the values.
 * @param dim of a head; by fours where it is whole vectors of them
 */
export function slotAttention(dim: number): Program {
  const known = slotAttentions.get(dim);
  if (known !== undefined) return known;
  const isVector = dim % 4 === 0;
  const width = isVector ? dim / 4 : dim;
  const type = isVector ? 'vec4f' : 'f32';
  const product = isVector ? 'dot(q[i], keys[at + i])' : 'q[i] * keys[at + i]';
  const program: Program = {
    name: `slotAttention ${dim}`,
    buffers: {
      ...{ query: `in ${type}`, slots: 'in i32', lengths: 'in i32', keys: `in ${type}`, values: `in ${type}` },
      result: `out ${type}`,
    },
    numbers: {
      ...{ pitch: 'u32', heads: 'u32', kvHeads: 'u32', capacity: 'u32', more: 'u32' },
      ...{ scale: 'f32', window: 'u32', softcap: 'f32' },
    },
    body: `${TANH}${REDUCE}
const DIM = ${width}u;
// Lanes share the columns, and where a head has few, each column's keys.
const COLUMNS = ${Math.min(width, 128)}u;
const SHARES = ${Math.floor(128 / Math.min(width, 128))}u;
var<workgroup> q: array<${type}, ${width}>;
var<workgroup> weights: array<f32, 128>;
var<workgroup> partial: array<${type}, ${Math.max(width, 128)}>;
var<workgroup> sums: array<${type}, ${width}>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.x;
  let row = group.y;
  for (var i = lane; i < DIM; i += LANES) {
    q[i] = query[row * p.pitch${isVector ? ' / 4u' : ''} + head * DIM + i] * p.scale;
    sums[i] = ${type}();
  }
  workgroupBarrier();
  let length = u32(lengths[row]) + p.more;
  let first = select(0u, length - p.window, p.window > 0u && length > p.window);
  let table = (u32(slots[row]) * p.kvHeads + head / (p.heads / p.kvHeads)) * p.capacity;
  var top = -3.4e38;
  var total = 0.0;
  let share = lane / COLUMNS;
  for (var from0 = first; from0 < length; from0 += LANES) {
    let key = from0 + lane;
    var score = -3.4e38;
    if (key < length) {
      let at = (table + key) * DIM;
      score = 0.0;
      for (var i = 0u; i < DIM; i++) { score += ${product}; }
      if (p.softcap != 0.0) { score = p.softcap * tanhOf(score / p.softcap); }
    }
    let newTop = max(top, maxOf(score, lane));
    let fade = exp(top - newTop);
    let weight = select(0.0, exp(score - newTop), key < length);
    weights[lane] = weight;
    total = total * fade + sumOf(weight, lane);
    top = newTop;
    let count = min(LANES, length - from0);
    if (share < SHARES) {
      for (var c = lane % COLUMNS; c < DIM; c += COLUMNS) {
        var sum = ${type}();
        for (var k = share; k < count; k += SHARES) { sum += weights[k] * values[(table + from0 + k) * DIM + c]; }
        partial[share * COLUMNS + c] = sum;
      }
    }
    workgroupBarrier();
    for (var c = lane; c < DIM; c += LANES) {
      var sum = partial[c];
      for (var s = 1u; s < SHARES; s++) { sum += partial[s * COLUMNS + c]; }
      sums[c] = sums[c] * fade + sum;
    }
    workgroupBarrier();
  }
  for (var i = lane; i < DIM; i += LANES) { result[(row * p.heads + head) * DIM + i] = sums[i] / total; }
}`,
  };
  slotAttentions.set(dim, program);
  return program;
}

/** table[indices[row]] = rows[row] */
export const SCATTER_ROWS: Program = {
  name: 'scatterRows',
  buffers: { table: 'out f32', indices: 'in i32', rows: 'in f32' },
  numbers: { count: 'u32', width: 'u32' },
  body: valueMain('table[u32(indices[i / p.width]) * p.width + i % p.width] = rows[i];'),
};

/** The first positions of one slot over those of another. */
export const COPY_SLOT: Program = {
  name: 'copySlot',
  buffers: { keys: 'out f32', values: 'out f32' },
  numbers: { count: 'u32', source: 'u32', goal: 'u32', length: 'u32', capacity: 'u32', dim: 'u32' },
  body: valueMain(`
  let within = i % (p.length * p.dim);
  let kvHead = i / (p.length * p.dim);
  let at = kvHead * p.capacity * p.dim + within;
  keys[p.goal + at] = keys[p.source + at];
  values[p.goal + at] = values[p.source + at];`),
};

/** silu(gate) · up, of [rows, gate, up] */
export const GATE: Program = {
  name: 'gate',
  buffers: { both: 'in f32', y: 'out f32' },
  numbers: { count: 'u32', width: 'u32' },
  body: valueMain(`
  let at = (i / p.width) * 2u * p.width + i % p.width;
  let gate = both[at];
  y[i] = gate / (1.0 + exp(-gate)) * both[at + p.width];`),
};
