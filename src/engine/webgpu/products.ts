// Matrix products on webgpu: the linear layer and its gradients, in one tiled program with strides.
import { defineKernel } from './define.ts';
import type { Dispatcher, Program, TensorInfo } from './dispatcher.ts';
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
    ...{ outAt: 'u32', accumulate: 'u32' },
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
      let at = p.outAt + row * p.n + column;
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
  /** Where the result begins in its buffer. */
  toAt?: number;
  /** Whether the product is added to what is there. */
  accumulates?: boolean;
  bias?: TensorInfo | undefined;
}

export function multiply(
  dispatcher: Dispatcher,
  { size, a, b, to, toAt = 0, accumulates = false, bias }: Product,
): void {
  const numbers = {
    ...size,
    ...{ aAt: a.at ?? 0, aRow: a.row, aColumn: a.column },
    ...{ bAt: b.at ?? 0, bRow: b.row, bColumn: b.column },
    ...{ outAt: toAt, accumulate: accumulates ? 1 : 0 },
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
