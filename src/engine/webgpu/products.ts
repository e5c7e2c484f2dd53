// Matrix products on webgpu: the linear layer and its gradients. Operands in whole vectors of four go through the tiles of
// gemm.ts, others through one tiled program with strides.
import { defineKernel } from './define.ts';
import type { Dispatcher, Program, TensorInfo } from './dispatcher.ts';
import { gemmProgram, type Tile } from './gemm.ts';
import { groupsOf, valueMain } from './pointwise.ts';
import { rowsOf } from './sizes.ts';

/** Rows and columns of the result that one work group makes: 256 lanes, 4 by 4 values each. */
const TILE = 64;

/**
 * out[r, c] = Σ_k a[r, k] · b[k, c], by strides, so that either operand may lie transposed. Both tiles are kept as
 * [k][row or column]; lanes read neighbouring addresses, whichever way an operand lies. The order of the sum over k does
 * not depend on the other rows.
 */
const gemm = (hasBias: boolean): Program => ({
  name: hasBias ? 'gemmBias' : 'gemm',
  buffers: { a: 'in f32', b: 'in f32', ...(hasBias ? { bias: 'in f32' } : {}), out: 'out f32' },
  numbers: {
    ...{ m: 'u32', n: 'u32', k: 'u32' },
    ...{ aAt: 'u32', aRow: 'u32', aColumn: 'u32', bAt: 'u32', bRow: 'u32', bColumn: 'u32' },
    ...{ outAt: 'u32', outPitch: 'u32', accumulate: 'u32' },
  },
  body: `
const TILE = ${TILE}u;
const STEP = 16u;
var<workgroup> aTile: array<f32, 1024>;
var<workgroup> bTile: array<f32, 1024>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row0 = group.y * TILE;
  let column0 = group.x * TILE;
  let r = (lane / 16u) * 4u;
  let c = (lane % 16u) * 4u;
  var sum: array<vec4f, 4>;
  for (var k0 = 0u; k0 < p.k; k0 += STEP) {
    for (var i = 0u; i < 4u; i++) {
      let e = lane + i * 256u;
      var line = e % TILE;
      var step = e / TILE;
      if (p.aColumn == 1u) { line = e / STEP; step = e % STEP; }
      var value = 0.0;
      if (row0 + line < p.m && k0 + step < p.k) {
        value = a[p.aAt + (row0 + line) * p.aRow + (k0 + step) * p.aColumn];
      }
      aTile[step * TILE + line] = value;
      line = e % TILE;
      step = e / TILE;
      if (p.bRow == 1u) { line = e / STEP; step = e % STEP; }
      value = 0.0;
      if (column0 + line < p.n && k0 + step < p.k) {
        value = b[p.bAt + (k0 + step) * p.bRow + (column0 + line) * p.bColumn];
      }
      bTile[step * TILE + line] = value;
    }
    workgroupBarrier();
    for (var step = 0u; step < STEP; step++) {
      let at = step * TILE;
      let right = vec4f(bTile[at + c], bTile[at + c + 1u], bTile[at + c + 2u], bTile[at + c + 3u]);
      for (var i = 0u; i < 4u; i++) { sum[i] += aTile[at + r + i] * right; }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      let row = row0 + r + i;
      let column = column0 + c + j;
      if (row >= p.m || column >= p.n) { continue; }
      let at = p.outAt + row * p.outPitch + column;
      var value = sum[i][j];
      ${hasBias ? 'value += bias[column];' : ''}
      if (p.accumulate == 1u) { value += out[at]; }
      out[at] = value;
    }
  }
}`,
});
const [GEMM, GEMM_BIAS] = [gemm(false), gemm(true)];

/** One operand: where its first value lies in its buffer, and the strides between rows and between columns, in values. */
export interface Operand {
  tensor: TensorInfo;
  at?: number;
  row: number;
  column: number;
}

export interface Product {
  size: { m: number; n: number; k: number };
  a: Operand;
  b: Operand;
  to: TensorInfo;
  /** Where the result begins in its buffer, and the values from one of its rows to the next: n where absent. */
  toAt?: number;
  toPitch?: number;
  /** Whether the product is added to what is there. */
  accumulates?: boolean;
  bias?: TensorInfo | undefined;
}

/** What puts runs into the queue and makes room for values. */
type Runner = Pick<Dispatcher, 'run' | 'output' | 'release' | 'workgroupBytes'>;

/**
 * For results that fill a GPU in tiles of this size, and for others. Chosen among thirteen on an H100: docs/engine-notes.md.
 */
export const LARGE: Tile = { m: 128, n: 128, k: 16, rows: 16, columns: 8 };
export const SMALL: Tile = { m: 64, n: 64, k: 16, rows: 8, columns: 8 };
/** For devices with no more memory in a work group than this, small or software: fewer registers, and quick to compile. */
const LITTLE: Tile = { m: 64, n: 64, k: 16, rows: 4, columns: 4 };
const LITTLE_BYTES = 32_768;
/** Work groups that fill a large GPU: two on each of its 132 processors. */
const MANY_GROUPS = 264;
/** Steps of k that are worth a work group of their own. */
const LEAST_PART = 512;

export function multiply(dispatcher: Runner, product: Product): void {
  if (isInVectors(product)) multiplyVectors(dispatcher, product);
  else multiplyValues(dispatcher, product);
}

/** How an operand lies: whether its values along k are neighbours, and the values from one line to the next. */
const lieOf = (alongK: number, across: number): { alongK: boolean; pitch: number } =>
  alongK === 1 ? { alongK: true, pitch: across } : { alongK: false, pitch: alongK };
const lieOfA = ({ row, column }: Operand) => lieOf(column, row);
const lieOfB = ({ row, column }: Operand) => lieOf(row, column);

/** Whether all that is read and written are whole vectors of four. */
function isInVectors({ size: { m, n, k }, a, b, toAt = 0, toPitch = n }: Product): boolean {
  const [ofA, ofB] = [lieOfA(a), lieOfB(b)];
  const widths = [ofA.alongK ? k : m, ofB.alongK ? k : n, n, ofA.pitch, ofB.pitch, a.at ?? 0, b.at ?? 0, toAt, toPitch];
  // Without neighbours along k, those along the other dimension must be.
  const areNeighbours = (ofA.alongK || a.row === 1) && (ofB.alongK || b.column === 1);
  return areNeighbours && widths.every((width) => width % 4 === 0);
}

const programs = new Map<string, Program>();

function programOf(tile: Tile, aAlongK: boolean, bAlongK: boolean, hasBias: boolean): Program {
  const key = `${tile.m} ${tile.rows} ${aAlongK} ${bAlongK} ${hasBias}`;
  const program = programs.get(key) ?? gemmProgram({ tile, aAlongK, bAlongK, hasBias });
  programs.set(key, program);
  return program;
}

function multiplyVectors(dispatcher: Runner, product: Product): void {
  const { size, a, b, to, toAt = 0, toPitch = size.n, accumulates = false, bias } = product;
  const { m, n, k } = size;
  const [ofA, ofB] = [lieOfA(a), lieOfB(b)];
  const groupsIn = (tile: Tile): number => Math.ceil(n / tile.n) * Math.ceil(m / tile.m);
  // Sums over rows (gradients of weights) may be cut: elsewhere a row's sums must not hang on what shares its batch.
  const mayCut = !ofA.alongK && !ofB.alongK && bias === undefined && !accumulates && toPitch === n;
  const isLarge = m >= 96 && n >= 96 && (groupsIn(LARGE) >= MANY_GROUPS / 2 || (mayCut && k >= 2 * LEAST_PART));
  const tile = isLarge ? LARGE : dispatcher.workgroupBytes > LITTLE_BYTES ? SMALL : LITTLE;
  const wanted = mayCut ? Math.min(Math.ceil(MANY_GROUPS / groupsIn(tile)), Math.floor(k / LEAST_PART)) : 1;
  const kPart = wanted > 1 ? Math.ceil(k / wanted / tile.k) * tile.k : Math.max(k, 1);
  const parts = Math.max(Math.ceil(k / kPart), 1);
  const program = programOf(tile, ofA.alongK, ofB.alongK, bias !== undefined);
  const sums = parts > 1 ? dispatcher.output([parts, m, n]) : to;
  const numbers = {
    ...{ ...size, kPart, aAt: a.at ?? 0, aPitch: ofA.pitch, bAt: b.at ?? 0, bPitch: ofB.pitch },
    ...{ outAt: parts > 1 ? 0 : toAt, outPitch: toPitch, accumulate: accumulates ? 1 : 0 },
  };
  const tensors = { a: a.tensor, b: b.tensor, out: sums, ...(bias === undefined ? {} : { bias }) };
  dispatcher.run(program, tensors, numbers, [Math.ceil(n / tile.n), Math.ceil(m / tile.m), parts]);
  if (parts === 1) return;
  const count = (m * n) / 4;
  dispatcher.run(SUM_PARTS, { sums, out: to }, { count, parts, outAt: toAt / 4 }, groupsOf(count));
  dispatcher.release(sums);
}

const SUM_PARTS: Program = {
  name: 'sumParts',
  buffers: { sums: 'in vec4f', out: 'out vec4f' },
  numbers: { count: 'u32', parts: 'u32', outAt: 'u32' },
  body: valueMain(`
  var sum = sums[i];
  for (var part = 1u; part < p.parts; part++) { sum += sums[part * p.count + i]; }
  out[p.outAt + i] = sum;`),
};

function multiplyValues(
  dispatcher: Runner,
  { size, a, b, to, toAt = 0, toPitch = size.n, accumulates = false, bias }: Product,
): void {
  const numbers = {
    ...size,
    ...{ aAt: a.at ?? 0, aRow: a.row, aColumn: a.column },
    ...{ bAt: b.at ?? 0, bRow: b.row, bColumn: b.column },
    ...{ outAt: toAt, outPitch: toPitch, accumulate: accumulates ? 1 : 0 },
  };
  const groups = [Math.ceil(size.n / TILE), Math.ceil(size.m / TILE)] as const;
  const tensors = { a: a.tensor, b: b.tensor, out: to };
  if (bias === undefined) dispatcher.run(GEMM, tensors, numbers, groups);
  else dispatcher.run(GEMM_BIAS, { ...tensors, bias }, numbers, groups);
}

/** A matrix as it lies, and the same read transposed. */
export const plain = (tensor: TensorInfo, width: number, at = 0): Operand => ({ tensor, at, row: width, column: 1 });
export const turned = (tensor: TensorInfo, width: number, at = 0): Operand => ({ tensor, at, row: 1, column: width });

export function defineProducts(dispatcher: Dispatcher): void {
  defineKernel('FourfoldLinear', ({ inputs, input }) => {
    const [x, weight] = [input('x'), input('weight')];
    const { rows, width } = rowsOf(x.shape);
    const out = weight.shape[0] ?? 1;
    const y = dispatcher.output([...x.shape.slice(0, -1), out]);
    const size = { m: rows, n: out, k: width };
    multiply(dispatcher, { size, a: plain(x, width), b: turned(weight, width), to: y, bias: inputs.bias });
    return y;
  });
  // dx = dy·W
  defineKernel('FourfoldLinearInputGradient', ({ input }) => {
    const [dy, weight] = [input('dy'), input('weight')];
    const { rows, width: out } = rowsOf(dy.shape);
    const width = weight.shape[1] ?? 1;
    const dx = dispatcher.output([...dy.shape.slice(0, -1), width]);
    multiply(dispatcher, { size: { m: rows, n: width, k: out }, a: plain(dy, out), b: plain(weight, width), to: dx });
    return dx;
  });
  // dW = dyᵀ·x
  defineKernel('FourfoldLinearWeightGradient', ({ input }) => {
    const [dy, x] = [input('dy'), input('x')];
    const { rows, width: out } = rowsOf(dy.shape);
    const { width } = rowsOf(x.shape);
    const dWeight = dispatcher.output([out, width]);
    multiply(dispatcher, { size: { m: out, n: width, k: rows }, a: turned(dy, out), b: plain(x, width), to: dWeight });
    return dWeight;
  });
}
