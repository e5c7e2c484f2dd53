// The text of a matrix product whose operands lie in whole vectors of four: tiles in workgroup memory, a block of the result
// in the registers of each lane. Which tile serves which size is chosen in products.ts.
import type { Program } from './dispatcher.ts';

/** How much of a product one work group makes, and how. All are multiples of 4. */
export interface Tile {
  /** Rows and columns of the result. */
  m: number;
  n: number;
  /** Steps of k that are kept at a time. */
  k: number;
  /** Rows and columns of the result in one lane; m / rows is a multiple of 4 and n / columns one of 8. */
  rows: number;
  columns: number;
  /** Whether the next step is stored beside the present one, which takes twice the memory and one barrier less. */
  isDouble?: boolean;
}

export interface GemmKind {
  tile: Tile;
  /** Whether the values along k of an operand are neighbours in memory; those of its other dimension are where not. */
  aAlongK: boolean;
  bAlongK: boolean;
  hasBias: boolean;
}

export const lanesOf = ({ m, n, rows, columns }: Tile): number => (m / rows) * (n / columns);

/** Bytes of workgroup memory. */
export const tileBytes = ({ m, n, k, isDouble = false }: Tile): number => (m + n) * k * 4 * (isDouble ? 2 : 1);

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const lines = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n');

/**
 * WGSL: where a vector lies in its line of the tile: moved by a number that depends on k, so that lanes which store the same
 * vectors of different k at once reach different banks of the memory.
 */
const moved = (line: string, kBlock: string): string => `(${line} ^ (2u * (${kBlock} & 3u)))`;

/**
 * out[r, c] = Σ_k a[r, k] · b[k, c] (+ bias, + out), each sum one chain of multiply-adds by ascending k, whatever the tile.
 * Work groups along z take `kPart` of k each and write their sums one behind the other.
 */
export function gemmProgram({ tile, aAlongK, bAlongK, hasBias }: GemmKind): Program {
  const { m, n, k, rows, columns, isDouble = false } = tile;
  const lanes = lanesOf(tile);
  const [groupsY, groupsX] = [m / rows, n / columns];
  const warpsX = groupsX / 8;
  const [aSize, bSize] = [(k * m) / 4, (k * n) / 4];
  const aBlocks = aSize / 4;
  const loads = Math.ceil((aSize + bSize) / 4 / lanes);
  const name = `gemm ${m} ${n} ${k} ${rows} ${columns} ${isDouble} ${aAlongK} ${bAlongK} ${hasBias}`;

  /** A block of four vectors, of `a` where its number is below aBlocks; `then` gets the side's figures. */
  const bySide = (u: number, then: (side: Side) => string): string => {
    const [first, last] = [u * lanes, (u + 1) * lanes - 1];
    const a = then({ name: 'a', width: m, size: 'p.m', alongK: aAlongK, origin: 'rowFrom', from: 0, at: '0u' });
    const b = then({
      ...{ name: 'b', width: n, size: 'p.n', alongK: bAlongK, origin: 'columnFrom', from: aBlocks, at: `${aSize}u` },
    });
    if (last < aBlocks) return a;
    if (first >= aBlocks) return b;
    return `if (e${u} < ${aBlocks}u) { ${a} } else { ${b} }`;
  };
  const total = aBlocks + bSize / 4;
  const isWhole = total % lanes === 0;
  const guarded = (u: number, body: string): string =>
    isWhole || u < loads - 1 ? body : `if (e${u} < ${total}u) { ${body} }`;

  const prepare = (u: number): string =>
    bySide(u, ({ name, width, size, alongK, origin, from, at }) => {
      const block = `(e${u} - ${from}u)`;
      if (alongK) {
        return `
      let kb = ${block} % ${k / 4}u;
      let line = ${block} / ${k / 4}u;
      ${lines(4, (j) => `i${u}_${j} = (p.${name}At + min(${origin} + line * 4u + ${j}u, ${size} - 1u) * p.${name}Pitch + kBegin) / 4u + kb;`)}
      ${lines(4, (j) => `s${u}_${j} = ${at} + (kb * 4u + ${j}u) * ${width / 4}u + ${moved('line', 'kb')};`)}
      step${u} = kb * 4u;
      add${u} = ${k / 4}u;`;
      }
      const perStep = width / 4;
      const blocks = (k * width) / 16;
      return `
      let line = ${block} % ${perStep}u;
      let step = ${block} / ${perStep}u;
      let place = min(${origin} + line * 4u, ${size} - 4u);
      ${lines(4, (j) => `i${u}_${j} = (p.${name}At + (kBegin + step + ${(j * blocks) / perStep}u) * p.${name}Pitch + place) / 4u;`)}
      ${lines(4, (j) => `s${u}_${j} = ${at} + (step + ${(j * blocks) / perStep}u) * ${perStep}u + ${moved('line', `((step + ${(j * blocks) / perStep}u) / 4u)`)};`)}
      step${u} = step;
      add${u} = ${k}u * p.${name}Pitch / 4u;`;
    });

  const load = (u: number): string =>
    guarded(
      u,
      bySide(u, ({ name, width, alongK }) => {
        const one = (j: number): string => `v${u}_${j} = ${name}[i${u}_${j}];`;
        const far = (j: number): number => (alongK ? 0 : (j * k * width) / 16 / (width / 4));
        return `
      ${lines(4, (j) => `v${u}_${j} = vec4f();`)}
      ${
        alongK
          ? `if (k0 + step${u} < kEnd) { ${lines(4, one)} }`
          : lines(4, (j) => `if (k0 + step${u} + ${far(j)}u < kEnd) { ${one(j)} }`)
      }
      ${lines(4, (j) => `i${u}_${j} += add${u};`)}`;
      }),
    );

  const store = (u: number): string =>
    guarded(
      u,
      bySide(u, ({ alongK }) =>
        lines(4, (j) => {
          const part = 'xyzw'[j];
          const value = alongK
            ? `vec4f(v${u}_0.${part}, v${u}_1.${part}, v${u}_2.${part}, v${u}_3.${part})`
            : `v${u}_${j}`;
          return `tile[${isDouble ? 'half + ' : ''}s${u}_${j}] = ${value};`;
        }),
      ),
    );

  const [aVectors, bVectors] = [rows / 4, columns / 4];
  const base = isDouble ? 'now + ' : '';
  const multiply = `
    for (var kb = 0u; kb < ${k / 4}u; kb++) {
      let aFrom = ${base}kb * ${m}u + ${moved('ty', 'kb')};
      let bFrom = ${base}${aSize}u + kb * ${n}u + ${moved('tx', 'kb')};
      ${lines(
        4,
        (step) => `{
      ${lines(aVectors, (i) => `let x${i} = tile[aFrom + ${(step * m) / 4 + i * groupsY}u];`)}
      ${lines(bVectors, (j) => `let y${j} = tile[bFrom + ${(step * n) / 4 + j * groupsX}u];`)}
      ${lines(rows, (r) => lines(bVectors, (j) => `c${r}_${j} = fma(vec4f(x${r >> 2}.${'xyzw'[r & 3]}), y${j}, c${r}_${j});`))}
      }`,
      )}
    }`;

  return {
    name,
    buffers: { a: 'in vec4f', b: 'in vec4f', ...(hasBias ? { bias: 'in vec4f' } : {}), out: 'out vec4f' },
    numbers: {
      ...{ m: 'u32', n: 'u32', k: 'u32', kPart: 'u32' },
      ...{ aAt: 'u32', aPitch: 'u32', bAt: 'u32', bPitch: 'u32', outAt: 'u32', outPitch: 'u32', accumulate: 'u32' },
    },
    body: `
var<workgroup> tile: array<vec4f, ${(aSize + bSize) * (isDouble ? 2 : 1)}>;

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rowFrom = group.y * ${m}u;
  let columnFrom = group.x * ${n}u;
  let kBegin = group.z * p.kPart;
  let kEnd = min(p.k, kBegin + p.kPart);
  // 32 neighbouring lanes stand 8 by 4, so that they read few different vectors.
  let warp = lane / 32u;
  let tx = (warp % ${warpsX}u) * 8u + lane % 8u;
  let ty = (warp / ${warpsX}u) * 4u + (lane % 32u) / 8u;
  ${lines(
    loads,
    (u) => `
  let e${u} = lane + ${u * lanes}u;
  var step${u} = 0u;
  var add${u} = 0u;
  ${lines(4, (j) => `var i${u}_${j} = 0u; var s${u}_${j} = 0u; var v${u}_${j} = vec4f();`)}
  { ${guarded(u, prepare(u))} }`,
  )}
  ${lines(rows, (r) => lines(bVectors, (j) => `var c${r}_${j} = vec4f();`))}
  var k0 = kBegin;
  ${lines(loads, load)}
  ${
    isDouble
      ? `
  var half = 0u;
  ${lines(loads, store)}
  workgroupBarrier();
  loop {
    let now = half;
    half = ${aSize + bSize}u - half;
    k0 += ${k}u;
    let more = k0 < kEnd;
    if (more) { ${lines(loads, load)} }
    ${multiply}
    if (!more) { break; }
    ${lines(loads, store)}
    workgroupBarrier();
  }`
      : `
  loop {
    ${lines(loads, store)}
    workgroupBarrier();
    k0 += ${k}u;
    let more = k0 < kEnd;
    if (more) { ${lines(loads, load)} }
    ${multiply}
    if (!more) { break; }
    workgroupBarrier();
  }`
  }
  let outAt = (p.outAt + group.z * p.m * p.n) / 4u;
  ${lines(
    bVectors,
    (j) => `
  let column${j} = columnFrom + 4u * (tx + ${j * groupsX}u);
  ${hasBias ? `let bias${j} = bias[min(column${j}, p.n - 4u) / 4u];` : ''}`,
  )}
  ${lines(
    rows,
    (r) => `
  {
    let row = rowFrom + 4u * (ty + ${(r >> 2) * groupsY}u) + ${r & 3}u;
    if (row < p.m) {
      ${lines(
        bVectors,
        (j) => `
      if (column${j} < p.n) {
        let at = outAt + (row * p.outPitch + column${j}) / 4u;
        var value = c${r}_${j}${hasBias ? ` + bias${j}` : ''};
        if (p.accumulate == 1u) { value += out[at]; }
        out[at] = value;
      }`,
      )}
    }
  }`,
  )}
}`,
  };
}

interface Side {
  name: 'a' | 'b';
  /** Lines of the tile, and how many the operand has. */
  width: number;
  size: string;
  alongK: boolean;
  /** The first line of the work group. */
  origin: string;
  /** The number of the side's first block, and where its part of the memory begins. */
  from: number;
  at: string;
}
