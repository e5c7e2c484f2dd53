// Attention on webgpu for heads of whole vectors of four, in tiles with an online softmax (Dao et al. 2022, algorithm 1;
// Dao 2023, algorithm 2 for the backward pass): scores of some queries and keys, four by four in a lane, from tiles in
// workgroup memory. No [heads, time, keys] is ever held.
import type { Program } from './dispatcher.ts';
import { SIZES } from './attentionSizes.ts';

/** Rows that a work group keeps (queries; keys where their gradient is made) and rows that pass by. */
export interface Rows {
  kept: number;
  passing: number;
}

/** Vectors of four in a head, and in a line of a tile: whole eights, so that the swizzle stays within the line. */
const vectorsOf = (dim: number): number => dim / 4;
const pitchOf = (dim: number): number => Math.ceil(dim / 32) * 8;

/** Bytes of workgroup memory for `count` kept tensors, a tile of passing rows, weights and their reduction. */
const bytesOf = (dim: number, count: number, { kept, passing }: Rows): number =>
  16 * (pitchOf(dim) * (count * kept + passing) + (kept * passing) / 4 + (kept * passing) / 16);

const CHOICES: readonly Rows[] = [
  { kept: 64, passing: 32 },
  { kept: 32, passing: 32 },
  { kept: 32, passing: 16 },
  { kept: 16, passing: 32 },
  { kept: 16, passing: 16 },
];

/** The tiles of the forward pass or of a gradient, which keeps two tensors; null where the memory holds none. */
export function rowsFor(pass: 'forward' | 'backward', dim: number, bytes: number): Rows | null {
  if (dim % 4 !== 0) return null;
  const count = pass === 'forward' ? 1 : 2;
  const fits = CHOICES.filter((rows) => pass === 'forward' || rows.kept <= 32).filter(
    (rows) => bytesOf(dim, count, rows) <= bytes,
  );
  return fits[0] ?? null;
}

export const lanesOf = ({ kept, passing }: Rows): number => (kept / 4) * (passing / 4);

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const lines = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n');
const PARTS = ['x', 'y', 'z', 'w'];

/** Everything that the three programs share. Lane (tx, ty) has the kept rows 4·ty … and the passing rows 4·tx … */
function declarations(dim: number, rows: Rows, tiles: string[]): string {
  const across = rows.passing / 4;
  return `
// No branches: compilers of software devices take minutes over many of them.
fn capped(score: vec4f) -> vec4f {
  let x = score / select(p.softcap, 1.0, p.softcap == 0.0);
  let square = x * x;
  let near = x * (1.0 + square * (-1.0 / 3.0 + square * (2.0 / 15.0 - square * 17.0 / 315.0)));
  let e = exp(-2.0 * abs(x));
  let tanhs = select(sign(x) * (1.0 - e) / (1.0 + e), near, square < vec4f(0.04));
  return select(p.softcap * tanhs, score, p.softcap == 0.0);
}
// Derivative of capped, from its value.
fn slopeAt(score: vec4f) -> vec4f {
  let share = score / select(p.softcap, 1.0, p.softcap == 0.0);
  return select(1.0 - share * share, vec4f(1.0), p.softcap == 0.0);
}
// Which queries see which keys.
fn sees(t: vec4u, key: vec4u, start: u32) -> vec4<bool> {
  let last = p.keys - p.time + t;
  return (t < vec4u(p.time)) & (key >= vec4u(start)) & (key <= last) & (key + p.window > last);
}
const NEXT = vec4u(0u, 1u, 2u, 3u);
const VECTORS = ${vectorsOf(dim)}u;
const PITCH = ${pitchOf(dim)}u;
const KEPT = ${rows.kept}u;
const PASSING = ${rows.passing}u;
const ACROSS = ${across}u;
const LANES = ${lanesOf(rows)}u;
${tiles.map((name) => `var<workgroup> ${name}: array<vec4f, ${pitchOf(dim) * rows.kept}>;`).join('\n')}
var<workgroup> tile: array<vec4f, ${pitchOf(dim) * rows.passing}>;
var<workgroup> weights: array<vec4f, ${(rows.kept * rows.passing) / 4}>;
// A line's vectors are moved by a number of their four rows, so that neighbouring lanes read from different banks.
fn placed(row: u32, vector: u32) -> u32 { return row * PITCH + (vector ^ ((row / 4u) & 7u)); }
fn weightAt(row: u32, vector: u32) -> u32 { return row * ACROSS + (vector ^ ((row / 4u) & ${Math.min(7, across - 1)}u)); }`;
}

/** WGSL: `count` rows of a tensor into a tile, those beyond `most` as copies of the last. */
const load = (to: string, from: string, count: string, place: (row: string) => string): string => `
  for (var e = lane; e < ${count} * VECTORS; e += LANES) {
    let r = e / VECTORS;
    let d = e % VECTORS;
    ${to}[placed(r, d)] = ${from}[${place('r')} * VECTORS + d];
  }`;

/** WGSL: s0 … s3, one vector a kept row, of the products with the four passing rows. */
const products = (kept: string, into: string): string => `
  ${lines(4, (i) => `var ${into}${i} = vec4f();`)}
  for (var d = 0u; d < VECTORS; d++) {
    let line = d ^ (ty & 7u);
    let other = d ^ (tx & 7u);
    ${lines(4, (j) => `let r${j} = tile[(4u * tx + ${j}u) * PITCH + other];`)}
    ${lines(
      4,
      (i) => `{
      let l = ${kept}[(4u * ty + ${i}u) * PITCH + line];
      ${PARTS.map((part) => `${into}${i} = fma(vec4f(l.${part}), vec4f(r0.${part}, r1.${part}, r2.${part}, r3.${part}), ${into}${i});`).join('\n')}
    }`,
    )}
  }`;

/** WGSL: name{i}_{j} += Σ weights · tile, over the passing rows; vectors tx, tx + ACROSS, … of kept rows 4·ty … */
const weighted = (name: string, columns: number): string => `
  for (var q = 0u; q < ACROSS; q++) {
    ${lines(4, (i) => `let w${i} = weights[weightAt(4u * ty + ${i}u, q)];`)}
    ${PARTS.map(
      (part, c) => `{
      let moved = q & 7u;
      ${lines(columns, (j) => `let v${j} = tile[(4u * q + ${c}u) * PITCH + ((tx + ${j}u * ACROSS) ^ moved)];`)}
      ${lines(4, (i) => lines(columns, (j) => `${name}${i}_${j} = fma(vec4f(w${i}.${part}), v${j}, ${name}${i}_${j});`))}
    }`,
    ).join('\n')}
  }`;

const columnsOf = (dim: number, rows: Rows): number => Math.ceil(pitchOf(dim) / (rows.passing / 4));
const zeros = (name: string, columns: number): string =>
  lines(4, (i) => lines(columns, (j) => `var ${name}${i}_${j} = vec4f();`));

const main = (rows: Rows, body: string): string => `
@compute @workgroup_size(${lanesOf(rows)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tx = lane % ACROSS;
  let ty = lane / ACROSS;
  let row = group.z;
  let start = u32(keyStart[row]);
  ${body}
}`;

/** WGSL: the keys that the kept queries from t0 on see at all: from `keyFrom` in whole tiles, below `keyTo`. */
const KEY_RANGE = `
  let t0 = group.x * KEPT;
  let offset = p.keys - p.time;
  let keyTo = min(p.keys, offset + t0 + KEPT);
  let seen = max(start, select(0u, offset + t0 + 1u - p.window, offset + t0 + 1u > p.window));
  let keyFrom = (seen / PASSING) * PASSING;`;

export function forward(dim: number, rows: Rows): Program {
  const columns = columnsOf(dim, rows);
  const across = rows.passing / 4;
  return {
    name: `attentionTiles ${dim} ${rows.kept} ${rows.passing}`,
    buffers: {
      ...{ query: 'in vec4f', keyed: 'in vec4f', valued: 'in vec4f', keyStart: 'in i32' },
      ...{ result: 'out vec4f', logSums: 'out f32' },
    },
    numbers: SIZES,
    body: `${declarations(dim, rows, ['queries'])}
var<workgroup> parts: array<f32, ${rows.kept * across}>;
${main(
  rows,
  `
  let head = group.y;
  let kvHead = head / (p.heads / p.kvHeads);
  ${KEY_RANGE}
  ${load('queries', 'p.scale * query', 'KEPT', (r) => `((row * p.time + min(t0 + ${r}, p.time - 1u)) * p.heads + head)`)}
  ${zeros('o', columns)}
  ${lines(4, (i) => `var top${i} = -3.4e38; var total${i} = 0.0;`)}
  for (var k0 = keyFrom; k0 < keyTo; k0 += PASSING) {
    workgroupBarrier();
    ${load('tile', 'keyed', 'PASSING', (r) => `((row * p.keys + min(k0 + ${r}, p.keys - 1u)) * p.kvHeads + kvHead)`)}
    workgroupBarrier();
    ${products('queries', 's')}
    ${lines(
      4,
      (i) => `{
      let seen = sees(vec4u(t0 + 4u * ty + ${i}u), k0 + 4u * tx + NEXT, start);
      s${i} = select(vec4f(-3.4e38), capped(s${i}), seen);
      parts[(4u * ty + ${i}u) * ACROSS + tx] = max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w));
    }`,
    )}
    workgroupBarrier();
    ${load('tile', 'valued', 'PASSING', (r) => `((row * p.keys + min(k0 + ${r}, p.keys - 1u)) * p.kvHeads + kvHead)`)}
    ${lines(
      4,
      (i) => `{
      var top = top${i};
      for (var x = 0u; x < ACROSS; x++) { top = max(top, parts[(4u * ty + ${i}u) * ACROSS + x]); }
      let fade = exp(top${i} - top);
      // What is not seen weighs nothing, also where nothing was seen so far.
      let w = select(exp(s${i} - top), vec4f(), s${i} <= vec4f(-3.3e38));
      total${i} = total${i} * fade + ((w.x + w.y) + (w.z + w.w));
      top${i} = top;
      weights[weightAt(4u * ty + ${i}u, tx)] = w;
      ${lines(columns, (j) => `o${i}_${j} *= fade;`)}
    }`,
    )}
    workgroupBarrier();
    ${weighted('o', columns)}
  }
  workgroupBarrier();
  ${lines(4, (i) => `parts[(4u * ty + ${i}u) * ACROSS + tx] = total${i};`)}
  workgroupBarrier();
  ${lines(
    4,
    (i) => `{
    let t = t0 + 4u * ty + ${i}u;
    var total = 0.0;
    for (var x = 0u; x < ACROSS; x++) { total += parts[(4u * ty + ${i}u) * ACROSS + x]; }
    if (t < p.time) {
      // A query that sees no key gives zeros.
      let share = select(0.0, 1.0 / total, total > 0.0);
      let at = ((row * p.time + t) * p.heads + head) * VECTORS;
      ${lines(columns, (j) => `if (tx + ${j}u * ACROSS < VECTORS) { result[at + tx + ${j}u * ACROSS] = o${i}_${j} * share; }`)}
      if (tx == 0u) { logSums[(row * p.heads + head) * p.time + t] = select(0.0, top${i} + log(total), total > 0.0); }
    }
  }`,
  )}`,
)}`,
  };
}

/** dQ = scale · Σ_k p·(dy·v - Σ dy·result)·k, with p = exp(scale·q·k - logSum). */
export function queryGradient(dim: number, rows: Rows): Program {
  const columns = columnsOf(dim, rows);
  const keyRow = (r: string): string => `((row * p.keys + min(k0 + ${r}, p.keys - 1u)) * p.kvHeads + kvHead)`;
  const queryRow = (r: string): string => `((row * p.time + min(t0 + ${r}, p.time - 1u)) * p.heads + head)`;
  return {
    name: `attentionTilesQueryGradient ${dim} ${rows.kept} ${rows.passing}`,
    buffers: {
      ...{ query: 'in vec4f', keyed: 'in vec4f', valued: 'in vec4f', keyStart: 'in i32' },
      ...{ figures: 'in f32', dy: 'in vec4f', dQuery: 'out vec4f' },
    },
    numbers: SIZES,
    body: `${declarations(dim, rows, ['queries', 'slopes'])}
${main(
  rows,
  `
  let head = group.y;
  let kvHead = head / (p.heads / p.kvHeads);
  ${KEY_RANGE}
  ${load('queries', 'p.scale * query', 'KEPT', queryRow)}
  ${load('slopes', 'dy', 'KEPT', queryRow)}
  ${lines(
    4,
    (i) => `
  let figure${i} = 2u * ((row * p.heads + head) * p.time + min(t0 + 4u * ty + ${i}u, p.time - 1u));
  let logSum${i} = figures[figure${i}];
  let delta${i} = figures[figure${i} + 1u];`,
  )}
  ${zeros('o', columns)}
  for (var k0 = keyFrom; k0 < keyTo; k0 += PASSING) {
    workgroupBarrier();
    ${load('tile', 'valued', 'PASSING', keyRow)}
    workgroupBarrier();
    ${products('slopes', 'g')}
    workgroupBarrier();
    ${load('tile', 'keyed', 'PASSING', keyRow)}
    workgroupBarrier();
    ${products('queries', 's')}
    ${lines(
      4,
      (i) => `{
      let seen = sees(vec4u(t0 + 4u * ty + ${i}u), k0 + 4u * tx + NEXT, start);
      let score = capped(s${i});
      let pull = select(vec4f(), exp(score - logSum${i}) * (g${i} - delta${i}) * slopeAt(score), seen);
      weights[weightAt(4u * ty + ${i}u, tx)] = pull;
    }`,
    )}
    workgroupBarrier();
    ${weighted('o', columns)}
  }
  ${lines(
    4,
    (i) => `{
    let t = t0 + 4u * ty + ${i}u;
    if (t < p.time) {
      let at = ((row * p.time + t) * p.heads + head) * VECTORS;
      ${lines(columns, (j) => `if (tx + ${j}u * ACROSS < VECTORS) { dQuery[at + tx + ${j}u * ACROSS] = o${i}_${j} * p.scale; }`)}
    }
  }`,
  )}`,
)}`,
  };
}

/** dV = Σ_q p·dy and dK = scale · Σ_q p·(dy·v - Σ dy·result)·q, over the queries of all heads that share the key. */
export function keyGradient(dim: number, rows: Rows): Program {
  const columns = columnsOf(dim, rows);
  const keyRow = (r: string): string => `((row * p.keys + min(k0 + ${r}, p.keys - 1u)) * p.kvHeads + kvHead)`;
  const queryRow = (r: string): string => `((row * p.time + min(t0 + ${r}, p.time - 1u)) * p.heads + head)`;
  return {
    name: `attentionTilesKeyGradient ${dim} ${rows.kept} ${rows.passing}`,
    buffers: {
      ...{ query: 'in vec4f', keyed: 'in vec4f', valued: 'in vec4f', keyStart: 'in i32' },
      ...{ figures: 'in f32', dy: 'in vec4f', dKey: 'out vec4f', dValue: 'out vec4f' },
    },
    numbers: SIZES,
    body: `${declarations(dim, rows, ['keys', 'values'])}
${main(
  rows,
  `
  let kvHead = group.y;
  let headsOfGroup = p.heads / p.kvHeads;
  let k0 = group.x * KEPT;
  let offset = p.keys - p.time;
  // Queries that see one of the keys at all.
  let timeFrom = (select(0u, k0 - offset, k0 > offset) / PASSING) * PASSING;
  let beyond = k0 + KEPT - 1u + p.window;
  let timeTo = min(p.time, select(0u, beyond - offset, beyond > offset));
  ${load('keys', 'p.scale * keyed', 'KEPT', keyRow)}
  ${load('values', 'valued', 'KEPT', keyRow)}
  ${zeros('a', columns)}
  ${zeros('b', columns)}
  for (var h = 0u; h < headsOfGroup; h++) {
    let head = kvHead * headsOfGroup + h;
    for (var t0 = timeFrom; t0 < timeTo; t0 += PASSING) {
      workgroupBarrier();
      ${load('tile', 'query', 'PASSING', queryRow)}
      workgroupBarrier();
      ${products('keys', 's')}
      workgroupBarrier();
      ${load('tile', 'dy', 'PASSING', queryRow)}
      workgroupBarrier();
      ${products('values', 'g')}
      var logSum = vec4f();
      var delta = vec4f();
      ${PARTS.map(
        (part, j) => `{
        let figure = 2u * ((row * p.heads + head) * p.time + min(t0 + 4u * tx + ${j}u, p.time - 1u));
        logSum.${part} = figures[figure];
        delta.${part} = figures[figure + 1u];
      }`,
      ).join('\n')}
      ${lines(
        4,
        (i) => `{
        let seen = sees(t0 + 4u * tx + NEXT, vec4u(k0 + 4u * ty + ${i}u), start);
        let score = capped(s${i});
        let weight = select(vec4f(), exp(score - logSum), seen);
        s${i} = weight * select(vec4f(), (g${i} - delta) * slopeAt(score), seen);
        weights[weightAt(4u * ty + ${i}u, tx)] = weight;
      }`,
      )}
      workgroupBarrier();
      ${weighted('b', columns)}
      workgroupBarrier();
      ${load('tile', 'query', 'PASSING', queryRow)}
      ${lines(4, (i) => `weights[weightAt(4u * ty + ${i}u, tx)] = s${i};`)}
      workgroupBarrier();
      ${weighted('a', columns)}
    }
  }
  ${lines(
    4,
    (i) => `{
    let key = k0 + 4u * ty + ${i}u;
    if (key < p.keys) {
      let at = ((row * p.keys + key) * p.kvHeads + kvHead) * VECTORS;
      ${lines(
        columns,
        (j) => `if (tx + ${j}u * ACROSS < VECTORS) {
        dKey[at + tx + ${j}u * ACROSS] = a${i}_${j} * p.scale;
        dValue[at + tx + ${j}u * ACROSS] = b${i}_${j};
      }`,
      )}
    }
  }`,
  )}`,
)}`,
  };
}
