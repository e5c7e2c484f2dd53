// Attention on webgpu with an online softmax (Dao et al. 2022, algorithm 1) for heads of any size: one lane a query, or in
// the backward pass of keys and values one lane a key; the other side passes by in tiles.
import { SIZES } from './attentionSizes.ts';
import type { Program } from './dispatcher.ts';
import { TANH } from './wgsl.ts';

export const LANES = 64;
/** Bytes of shared memory that every WebGPU device has. */
const SHARED_BYTES = 16_384;

/** How many rows of two tensors fit into shared memory. */
const tileRows = (dim: number): number => Math.max(1, Math.min(32, Math.floor(SHARED_BYTES / (8 * dim))));

const DECLARATIONS = (dim: number): string => `${TANH}
fn capped(score: f32) -> f32 {
  if (p.softcap == 0.0) { return score; }
  return p.softcap * tanhOf(score / p.softcap);
}
// Derivative of capped, from its value.
fn slopeAt(score: f32) -> f32 {
  if (p.softcap == 0.0) { return 1.0; }
  return 1.0 - (score / p.softcap) * (score / p.softcap);
}
const DIM = ${dim}u;
const ROWS = ${tileRows(dim)}u;
const LANES = ${LANES}u;
var<workgroup> first: array<f32, ${tileRows(dim) * dim}>;
var<workgroup> second: array<f32, ${tileRows(dim) * dim}>;`;

/** WGSL: entry point of one lane a query of head `head` of row `row`; `sees` where the query exists. */
const queryMain = (dim: number, body: string): string => `${DECLARATIONS(dim)}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let row = group.z;
  let kvHead = head / (p.heads / p.kvHeads);
  let t = group.x * LANES + lane;
  let exists = t < p.time;
  let start = u32(keyStart[row]);
  let last = p.keys - p.time + t;
  let at = ((row * p.time + min(t, p.time - 1u)) * p.heads + head) * DIM;
  let end = min(p.keys, p.keys - p.time + (group.x + 1u) * LANES);
  ${body}
}`;

/** WGSL: the keys and values of one tile into shared memory, and `key` over those that the query sees. */
const overKeys = (body: string): string => `
  for (var k0 = 0u; k0 < end; k0 += ROWS) {
    for (var i = lane; i < ROWS * DIM; i += LANES) {
      let key = k0 + i / DIM;
      let source = ((row * p.keys + min(key, p.keys - 1u)) * p.kvHeads + kvHead) * DIM + i % DIM;
      first[i] = keyed[source];
      second[i] = valued[source];
    }
    workgroupBarrier();
    for (var r = 0u; r < ROWS; r++) {
      let key = k0 + r;
      if (!exists || key < start || key > last || key + p.window <= last) { continue; }
      ${body}
    }
    workgroupBarrier();
  }`;

export const forward = (dim: number): Program => ({
  name: `attention ${dim}`,
  buffers: {
    ...{ query: 'in f32', keyed: 'in f32', valued: 'in f32', keyStart: 'in i32' },
    ...{ result: 'out f32', logSums: 'out f32' },
  },
  numbers: SIZES,
  body: queryMain(
    dim,
    `
  var q: array<f32, DIM>;
  var sum: array<f32, DIM>;
  for (var d = 0u; d < DIM; d++) { q[d] = query[at + d] * p.scale; }
  var top = -3.4e38;
  var total = 0.0;
  ${overKeys(`
      var score = 0.0;
      for (var d = 0u; d < DIM; d++) { score += q[d] * first[r * DIM + d]; }
      score = capped(score);
      let newTop = max(top, score);
      let fade = exp(top - newTop);
      let weight = exp(score - newTop);
      total = total * fade + weight;
      for (var d = 0u; d < DIM; d++) { sum[d] = sum[d] * fade + weight * second[r * DIM + d]; }
      top = newTop;`)}
  if (!exists) { return; }
  // A query that sees no key gives zeros.
  let share = select(0.0, 1.0 / total, total > 0.0);
  for (var d = 0u; d < DIM; d++) { result[at + d] = sum[d] * share; }
  logSums[(row * p.heads + head) * p.time + t] = select(0.0, top + log(total), total > 0.0);`,
  ),
});

/** What both halves of the backward pass need of each query: its log-sum, and Σ dy·result. */
export const stats = (dim: number): Program => ({
  name: `attentionStats ${dim}`,
  buffers: { result: 'in f32', dy: 'in f32', logSums: 'in f32', figures: 'out f32' },
  numbers: { count: 'u32', time: 'u32', heads: 'u32' },
  body: `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= p.count) { return; }
  let t = i % p.time;
  let head = (i / p.time) % p.heads;
  let row = i / (p.time * p.heads);
  let at = ((row * p.time + t) * p.heads + head) * ${dim}u;
  var sum = 0.0;
  for (var d = 0u; d < ${dim}u; d++) { sum += dy[at + d] * result[at + d]; }
  figures[2u * i] = logSums[i];
  figures[2u * i + 1u] = sum;
}`,
});

/** dQ = scale · Σ_k p·(dy·v - Σ dy·result)·k, with p = exp(scale·q·k - logSum). */
export const queryGradient = (dim: number): Program => ({
  name: `attentionQueryGradient ${dim}`,
  buffers: {
    ...{ query: 'in f32', keyed: 'in f32', valued: 'in f32', keyStart: 'in i32' },
    ...{ figures: 'in f32', dy: 'in f32', dQuery: 'out f32' },
  },
  numbers: SIZES,
  body: queryMain(
    dim,
    `
  var q: array<f32, DIM>;
  var g: array<f32, DIM>;
  var sum: array<f32, DIM>;
  for (var d = 0u; d < DIM; d++) {
    q[d] = query[at + d] * p.scale;
    g[d] = dy[at + d];
  }
  let figure = 2u * ((row * p.heads + head) * p.time + min(t, p.time - 1u));
  let logSum = figures[figure];
  let delta = figures[figure + 1u];
  ${overKeys(`
      var score = 0.0;
      var reward = 0.0;
      for (var d = 0u; d < DIM; d++) {
        score += q[d] * first[r * DIM + d];
        reward += g[d] * second[r * DIM + d];
      }
      score = capped(score);
      let pull = exp(score - logSum) * (reward - delta) * slopeAt(score);
      for (var d = 0u; d < DIM; d++) { sum[d] += pull * first[r * DIM + d]; }`)}
  if (!exists) { return; }
  for (var d = 0u; d < DIM; d++) { dQuery[at + d] = sum[d] * p.scale; }`,
  ),
});

/** dV = Σ_q p·dy and dK = scale · Σ_q p·(dy·v - Σ dy·result)·q, over the queries of all heads that share the key. */
export const keyGradient = (dim: number): Program => ({
  name: `attentionKeyGradient ${dim}`,
  buffers: {
    ...{ query: 'in f32', keyed: 'in f32', valued: 'in f32', keyStart: 'in i32' },
    ...{ figures: 'in f32', dy: 'in f32', dKey: 'out f32', dValue: 'out f32' },
  },
  numbers: SIZES,
  body: `${DECLARATIONS(dim)}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let kvHead = group.y;
  let row = group.z;
  let group_heads = p.heads / p.kvHeads;
  let key = group.x * LANES + lane;
  let exists = key < p.keys && key >= u32(keyStart[row]);
  let at = ((row * p.keys + min(key, p.keys - 1u)) * p.kvHeads + kvHead) * DIM;
  var k: array<f32, DIM>;
  var v: array<f32, DIM>;
  var dk: array<f32, DIM>;
  var dv: array<f32, DIM>;
  for (var d = 0u; d < DIM; d++) {
    k[d] = keyed[at + d] * p.scale;
    v[d] = valued[at + d];
  }
  for (var h = 0u; h < group_heads; h++) {
    let head = kvHead * group_heads + h;
    for (var t0 = 0u; t0 < p.time; t0 += ROWS) {
      for (var i = lane; i < ROWS * DIM; i += LANES) {
        let t = min(t0 + i / DIM, p.time - 1u);
        let source = ((row * p.time + t) * p.heads + head) * DIM + i % DIM;
        first[i] = query[source];
        second[i] = dy[source];
      }
      workgroupBarrier();
      for (var r = 0u; r < ROWS; r++) {
        let t = t0 + r;
        let last = p.keys - p.time + t;
        if (!exists || t >= p.time || key > last || key + p.window <= last) { continue; }
        let figure = 2u * ((row * p.heads + head) * p.time + t);
        var score = 0.0;
        var reward = 0.0;
        for (var d = 0u; d < DIM; d++) {
          score += k[d] * first[r * DIM + d];
          reward += v[d] * second[r * DIM + d];
        }
        score = capped(score);
        let weight = exp(score - figures[figure]);
        let pull = weight * (reward - figures[figure + 1u]) * slopeAt(score);
        for (var d = 0u; d < DIM; d++) {
          dv[d] += weight * second[r * DIM + d];
          dk[d] += pull * first[r * DIM + d];
        }
      }
      workgroupBarrier();
    }
  }
  if (key >= p.keys) { return; }
  for (var d = 0u; d < DIM; d++) {
    dKey[at + d] = dk[d] * p.scale;
    dValue[at + d] = dv[d];
  }
}`,
});
