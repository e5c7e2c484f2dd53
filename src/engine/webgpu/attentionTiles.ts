// Attention on webgpu for heads of whole vectors of four, in tiles with an online softmax (Dao et al. 2022, algorithm 1;
// Dao 2023, algorithm 2 for the backward pass). A work group keeps some rows (queries; keys where their gradient is made),
// and the others pass by. Scores are made four by four in a lane, from pieces of both sides in workgroup memory, as in a
// matrix product; only little of that memory is taken, since it bounds how many work groups a processor runs at once.
import { SIZES } from './attentionSizes.ts';
import type { Program } from './dispatcher.ts';

export interface Tiles {
  dim: number;
  /** Rows that are kept, and that pass by together: 4 by 4 of them in a lane. */
  rows: number;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const lines = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n');
const PARTS = ['x', 'y', 'z', 'w'];
/** Vectors along a head that are looked at together. */
const PIECE = 4;

/** Vectors of a row in a tile: a whole number for each lane. */
const pitchOf = ({ dim, rows }: Tiles): number => Math.ceil(dim / rows) * (rows / 4);
/** Vectors of the memory that pieces of four tensors, or whole rows that pass by, take in turns. */
const tileOf = (tiles: Tiles): number => Math.max(4 * PIECE * tiles.rows, tiles.rows * pitchOf(tiles));
const bytesOf = (tiles: Tiles): number => 16 * (tileOf(tiles) + tiles.rows ** 2 / 4);

/** Devices with no more memory in a work group are small, or software, which takes twice as long to compile large tiles. */
const SMALL_BYTES = 32_768;

/** The largest tiles for a size of head that suit the device's memory; null where it holds none. */
export function tilesFor(dim: number, bytes: number): Tiles | null {
  if (dim % 4 !== 0) return null;
  const choices = (bytes > SMALL_BYTES ? [64, 32] : [32]).map((rows) => ({ dim, rows }));
  return choices.find((tiles) => bytesOf(tiles) <= bytes) ?? null;
}

const lanesOf = ({ rows }: Tiles): number => rows ** 2 / 16;

/** Everything that the programs share. Lane (tx, ty) has the kept rows ty + i·ACROSS and the passing rows tx + j·ACROSS. */
function declarations(tiles: Tiles): string {
  const { dim, rows } = tiles;
  return `
// Which queries see which keys. No branches: compilers of software devices take minutes over many of them.
fn sees(t: vec4u, key: vec4u, start: u32) -> vec4<bool> {
  let last = p.keys - p.time + t;
  return (t < vec4u(p.time)) & (key >= vec4u(start)) & (key <= last) & (key + p.window > last);
}
const VECTORS = ${dim / 4}u;
const PITCH = ${pitchOf(tiles)}u;
const ROWS = ${rows}u;
const ACROSS = ${rows / 4}u;
const LANES = ${lanesOf(tiles)}u;
const NEXT = vec4u(0u, ACROSS, 2u * ACROSS, 3u * ACROSS);
var<workgroup> tile: array<vec4f, ${tileOf(tiles)}>;
var<workgroup> weights: array<vec4f, ${rows ** 2 / 4}>;
// Moved by a number of the row, or of the place along it, so that neighbouring lanes reach different banks.
fn pieceAt(tensor: u32, vector: u32, row: u32) -> u32 { return (tensor * ${PIECE}u + vector) * ROWS + (row ^ (2u * vector)); }
fn weightAt(row: u32, quad: u32) -> u32 { return row * ACROSS + (quad ^ (row & 7u)); }`;
}

/** A tensor of which rows are read, and WGSL for the number of its row. */
interface Source {
  name: string;
  rowAt: (row: string) => string;
}

/** WGSL: the vector at `d`, zeros beyond the head; without a branch, which software devices are slow to compile. */
const within = (isWhole: boolean, d: string, read: (d: string) => string): string =>
  isWhole ? read(`min(${d}, VECTORS - 1u)`) : `select(vec4f(), ${read(`min(${d}, VECTORS - 1u)`)}, ${d} < VECTORS)`;

/**
 * WGSL: into each of `pairs`, kept rows times passing rows, one vector a kept row. Pieces of the next vectors are on their way
 * while the present ones are multiplied. Begins with a barrier; after it, the tile is still being read.
 */
function products({ dim, rows }: Tiles, pairs: { kept: Source; passing: Source; into: string }[]): string {
  const sources = pairs.flatMap(({ kept, passing }) => [kept, passing]);
  const perLane = (rows * PIECE) / (rows ** 2 / 16);
  const fetch = (at: string): string =>
    sources
      .map(({ name, rowAt }, tensor) =>
        lines(
          perLane,
          (u) => `{
      let e = lane + ${u}u * LANES;
      let d = ${at} + e % ${PIECE}u;
      n${tensor}_${u} = ${within(dim % (4 * PIECE) === 0, 'd', (d) => `${name}[${rowAt(`(e / ${PIECE}u)`)} * VECTORS + ${d}]`)};
    }`,
        ),
      )
      .join('\n');
  return `
  ${pairs.map(({ into }) => lines(4, (i) => `var ${into}${i} = vec4f();`)).join('\n')}
  ${sources.map((_, tensor) => lines(perLane, (u) => `var n${tensor}_${u} = vec4f();`)).join('\n')}
  ${fetch('0u')}
  for (var d0 = 0u; d0 < ${Math.ceil(dim / 4 / PIECE) * PIECE}u; d0 += ${PIECE}u) {
    workgroupBarrier();
    ${sources
      .map((_, tensor) =>
        lines(
          perLane,
          (u) => `{
      let e = lane + ${u}u * LANES;
      tile[pieceAt(${tensor}u, e % ${PIECE}u, e / ${PIECE}u)] = n${tensor}_${u};
    }`,
        ),
      )
      .join('\n')}
    workgroupBarrier();
    ${fetch(`(d0 + ${PIECE}u)`)}
    for (var d = 0u; d < ${PIECE}u; d++) {
      ${pairs
        .map(
          ({ into }, pair) => `{
      ${lines(4, (j) => `let r${j} = tile[pieceAt(${2 * pair + 1}u, d, tx + ${j}u * ACROSS)];`)}
      ${lines(
        4,
        (i) => `{
        let l = tile[pieceAt(${2 * pair}u, d, ty + ${i}u * ACROSS)];
        ${PARTS.map((part) => `${into}${i} = fma(vec4f(l.${part}), vec4f(r0.${part}, r1.${part}, r2.${part}, r3.${part}), ${into}${i});`).join('\n')}
      }`,
      )}
      }`,
        )
        .join('\n')}
    }
  }`;
}

/** WGSL: whole passing rows on their way into registers m0 …, and from there into the tile. */
const perLaneOf = (tiles: Tiles): number => (tiles.rows * pitchOf(tiles)) / lanesOf(tiles);
const fetchRows = (tiles: Tiles, { name, rowAt }: Source): string =>
  lines(
    perLaneOf(tiles),
    (u) => `{
      let e = lane + ${u}u * LANES;
      let d = e % PITCH;
      m${u} = ${within(tiles.dim === 4 * pitchOf(tiles), 'd', (d) => `${name}[${rowAt('(e / PITCH)')} * VECTORS + ${d}]`)};
    }`,
  );
const storeRows = (tiles: Tiles): string => lines(perLaneOf(tiles), (u) => `tile[lane + ${u}u * LANES] = m${u};`);
const registers = (tiles: Tiles): string => lines(perLaneOf(tiles), (u) => `var m${u} = vec4f();`);

/** Vectors of the result that a lane has in each of its four kept rows: tx, tx + ACROSS, … */
const columnsOf = (tiles: Tiles): number => pitchOf(tiles) / (tiles.rows / 4);
const zeros = (name: string, columns: number): string =>
  lines(4, (i) => lines(columns, (j) => `var ${name}${i}_${j} = vec4f();`));

/** WGSL: name{i}_{j} += Σ weights · tile over the passing rows. */
const weighted = (name: string, columns: number): string => `
  for (var q = 0u; q < ACROSS; q++) {
    ${lines(4, (i) => `let w${i} = weights[weightAt(ty + ${i}u * ACROSS, q)];`)}
    ${PARTS.map(
      (part, c) => `{
      ${lines(columns, (j) => `let v${j} = tile[(q + ${c}u * ACROSS) * PITCH + tx + ${j}u * ACROSS];`)}
      ${lines(4, (i) => lines(columns, (j) => `${name}${i}_${j} = fma(vec4f(w${i}.${part}), v${j}, ${name}${i}_${j});`))}
    }`,
    ).join('\n')}
  }`;

const main = (tiles: Tiles, body: string): string => `
@compute @workgroup_size(${lanesOf(tiles)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  // 32 neighbouring lanes stand 8 by 4, so that they read few different vectors.
  let tx = ((lane / 32u) % (ACROSS / 8u)) * 8u + lane % 8u;
  let ty = (lane / 32u) / (ACROSS / 8u) * 4u + (lane % 32u) / 8u;
  let row = group.z;
  let start = u32(keyStart[row]);
  ${body}
}`;

const KEY = (name: string): Source => ({
  name,
  rowAt: (r) => `((row * p.keys + min(k0 + ${r}, p.keys - 1u)) * p.kvHeads + kvHead)`,
});
const QUERY = (name: string): Source => ({
  name,
  rowAt: (r) => `((row * p.time + min(t0 + ${r}, p.time - 1u)) * p.heads + head)`,
});

/** WGSL: the keys that the kept queries from t0 on see at all: from `keyFrom` in whole tiles, below `keyTo`. */
const KEY_RANGE = `
  let head = group.y;
  let kvHead = head / (p.heads / p.kvHeads);
  let t0 = group.x * ROWS;
  let offset = p.keys - p.time;
  let keyTo = min(p.keys, offset + t0 + ROWS);
  let seenFrom = max(start, select(0u, offset + t0 + 1u - p.window, offset + t0 + 1u > p.window));
  let keyFrom = (seenFrom / ROWS) * ROWS;`;

const nameOf = (pass: string, { dim, rows }: Tiles): string => `attention ${pass} ${dim} ${rows}`;

export function forward(tiles: Tiles): Program {
  const columns = columnsOf(tiles);
  return {
    name: nameOf('forward', tiles),
    buffers: {
      ...{ query: 'in vec4f', keyed: 'in vec4f', valued: 'in vec4f', keyStart: 'in i32' },
      ...{ result: 'out vec4f', logSums: 'out f32' },
    },
    numbers: SIZES,
    body: `${declarations(tiles)}
${main(
  tiles,
  `
  ${KEY_RANGE}
  ${zeros('o', columns)}
  ${registers(tiles)}
  ${lines(4, (i) => `var top${i} = -3.4e38; var total${i} = 0.0;`)}
  for (var k0 = keyFrom; k0 < keyTo; k0 += ROWS) {
    ${products(tiles, [{ kept: QUERY('query'), passing: KEY('keyed'), into: 's' }])}
    ${fetchRows(tiles, KEY('valued'))}
    ${lines(
      4,
      (i) => `{
      let seen = sees(vec4u(t0 + ty + ${i}u * ACROSS), k0 + tx + NEXT, start);
      s${i} = select(vec4f(-3.4e38), p.scale * s${i}, seen);
      // The greatest of the lane, where its weights will lie.
      weights[weightAt(ty + ${i}u * ACROSS, tx)] = vec4f(max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w)));
    }`,
    )}
    workgroupBarrier();
    ${storeRows(tiles)}
    ${lines(
      4,
      (i) => `{
      var top = top${i};
      for (var x = 0u; x < ACROSS; x++) { top = max(top, weights[weightAt(ty + ${i}u * ACROSS, x)].x); }
      let fade = exp(top${i} - top);
      // What is not seen weighs nothing, also where nothing was seen so far.
      s${i} = select(exp(s${i} - top), vec4f(), s${i} <= vec4f(-3.3e38));
      total${i} = total${i} * fade + ((s${i}.x + s${i}.y) + (s${i}.z + s${i}.w));
      top${i} = top;
      ${lines(columns, (j) => `o${i}_${j} *= fade;`)}
    }`,
    )}
    workgroupBarrier();
    ${lines(4, (i) => `weights[weightAt(ty + ${i}u * ACROSS, tx)] = s${i};`)}
    workgroupBarrier();
    ${weighted('o', columns)}
  }
  workgroupBarrier();
  ${lines(4, (i) => `weights[weightAt(ty + ${i}u * ACROSS, tx)] = vec4f(total${i});`)}
  workgroupBarrier();
  ${lines(
    4,
    (i) => `{
    let t = t0 + ty + ${i}u * ACROSS;
    var total = 0.0;
    for (var x = 0u; x < ACROSS; x++) { total += weights[weightAt(ty + ${i}u * ACROSS, x)].x; }
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
export function queryGradient(tiles: Tiles): Program {
  const columns = columnsOf(tiles);
  return {
    name: nameOf('queryGradient', tiles),
    buffers: {
      ...{ query: 'in vec4f', keyed: 'in vec4f', valued: 'in vec4f', keyStart: 'in i32' },
      ...{ figures: 'in f32', dy: 'in vec4f', dQuery: 'out vec4f' },
    },
    numbers: SIZES,
    body: `${declarations(tiles)}
${main(
  tiles,
  `
  ${KEY_RANGE}
  ${lines(
    4,
    (i) => `
  let figure${i} = 2u * ((row * p.heads + head) * p.time + min(t0 + ty + ${i}u * ACROSS, p.time - 1u));
  let logSum${i} = figures[figure${i}];
  let delta${i} = figures[figure${i} + 1u];`,
  )}
  ${zeros('o', columns)}
  ${registers(tiles)}
  for (var k0 = keyFrom; k0 < keyTo; k0 += ROWS) {
    ${products(tiles, [
      { kept: QUERY('query'), passing: KEY('keyed'), into: 's' },
      { kept: QUERY('dy'), passing: KEY('valued'), into: 'g' },
    ])}
    ${fetchRows(tiles, KEY('keyed'))}
    ${lines(
      4,
      (i) => `{
      let seen = sees(vec4u(t0 + ty + ${i}u * ACROSS), k0 + tx + NEXT, start);
      let score = p.scale * s${i};
      weights[weightAt(ty + ${i}u * ACROSS, tx)] =
        select(vec4f(), exp(score - logSum${i}) * (g${i} - delta${i}), seen);
    }`,
    )}
    workgroupBarrier();
    ${storeRows(tiles)}
    workgroupBarrier();
    ${weighted('o', columns)}
  }
  ${lines(
    4,
    (i) => `{
    let t = t0 + ty + ${i}u * ACROSS;
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
export function keyGradient(tiles: Tiles): Program {
  const columns = columnsOf(tiles);
  return {
    name: nameOf('keyGradient', tiles),
    buffers: {
      ...{ query: 'in vec4f', keyed: 'in vec4f', valued: 'in vec4f', keyStart: 'in i32' },
      ...{ figures: 'in f32', dy: 'in vec4f', dKey: 'out vec4f', dValue: 'out vec4f' },
    },
    numbers: SIZES,
    body: `${declarations(tiles)}
${main(
  tiles,
  `
  let kvHead = group.y;
  let headsOfGroup = p.heads / p.kvHeads;
  let k0 = group.x * ROWS;
  let offset = p.keys - p.time;
  // Queries that see one of the keys at all.
  let timeFrom = (select(0u, k0 - offset, k0 > offset) / ROWS) * ROWS;
  let beyond = k0 + ROWS - 1u + p.window;
  let timeTo = min(p.time, select(0u, beyond - offset, beyond > offset));
  ${zeros('a', columns)}
  ${zeros('b', columns)}
  ${registers(tiles)}
  for (var h = 0u; h < headsOfGroup; h++) {
    let head = kvHead * headsOfGroup + h;
    for (var t0 = timeFrom; t0 < timeTo; t0 += ROWS) {
      ${products(tiles, [
        { kept: KEY('keyed'), passing: QUERY('query'), into: 's' },
        { kept: KEY('valued'), passing: QUERY('dy'), into: 'g' },
      ])}
      ${fetchRows(tiles, QUERY('dy'))}
      var logSum = vec4f();
      var delta = vec4f();
      ${PARTS.map(
        (part, j) => `{
        let figure = 2u * ((row * p.heads + head) * p.time + min(t0 + tx + ${j}u * ACROSS, p.time - 1u));
        logSum.${part} = figures[figure];
        delta.${part} = figures[figure + 1u];
      }`,
      ).join('\n')}
      ${lines(
        4,
        (i) => `{
        let seen = sees(t0 + tx + NEXT, vec4u(k0 + ty + ${i}u * ACROSS), start);
        let score = p.scale * s${i};
        let weight = select(vec4f(), exp(score - logSum), seen);
        s${i} = weight * select(vec4f(), g${i} - delta, seen);
        weights[weightAt(ty + ${i}u * ACROSS, tx)] = weight;
      }`,
      )}
      workgroupBarrier();
      ${storeRows(tiles)}
      ${fetchRows(tiles, QUERY('query'))}
      workgroupBarrier();
      ${weighted('b', columns)}
      workgroupBarrier();
      ${storeRows(tiles)}
      ${lines(4, (i) => `weights[weightAt(ty + ${i}u * ACROSS, tx)] = s${i};`)}
      workgroupBarrier();
      ${weighted('a', columns)}
    }
  }
  ${lines(
    4,
    (i) => `{
    let key = k0 + ty + ${i}u * ACROSS;
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
