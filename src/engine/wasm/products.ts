// Matrix products on wasm: the linear layer with its gradients, and tfjs's own BatchMatMul in all its transposed forms.
import * as tf from '../tf.ts';
import { defineKernel, rowsOf } from './define.ts';
import type { KernelQueue } from './kernelQueue.ts';
import { type KernelRuntime, sizeOf, type TensorInfo } from './runtime.ts';

/** One operand of a product: its address, and the strides between rows and between columns, in values. */
export interface Operand {
  at: number;
  row: number;
  column: number;
}

export interface Product {
  size: { m: number; n: number; k: number };
  a: Operand;
  b: Operand;
  /** Address of the result [m, n]. */
  to: number;
  /** 1 where the product is added to what is there. */
  accumulate?: number;
}

/** A·B on all threads: by rows, for which they pack B together, or by columns, for which each packs its own. */
export function multiply(runtime: KernelRuntime, product: Product): void {
  const { size, a, b, to, accumulate = 0 } = product;
  const { m, n, k } = size;
  const { queue } = runtime;
  if (queue !== null && queue.rows === m && m > 0 && accumulate === 0 && packedBytes(size) <= MOST_GATHERED_BYTES) {
    multiplyByRows(runtime, queue, product);
    return;
  }
  const isShared = runtime.isWorthSharing(m * n * k);
  if (isShared && m >= n / 2 && packedBytes(size) <= MOST_PACKED_BYTES) {
    shareRows(runtime, product);
    return;
  }
  const slices = runtime
    .parts(n, 16, m * n * k)
    .map(([start, end]) => [
      ...[m, end - start, k, a.at, a.row, a.column, b.at + start * b.column * 4, b.row, b.column],
      ...[to + start * 4, n, accumulate],
    ]);
  runtime.run('gemm', slices, runtime.kernels.gemmScratch());
}

/** A larger B would drive what lies between the kernels out of the cache. */
const MOST_GATHERED_BYTES = 2 ** 17;
/** The time of packing a value in the time of multiply-adds of a product. */
const PACKING_WORK = 8;

/** A·B as one of several kernels over rows: B is packed before them all, A once for products of the same in a row. */
function multiplyByRows(runtime: KernelRuntime, queue: KernelQueue, { size, a, b, to }: Product): void {
  const { m, n, k } = size;
  const packed = runtime.packing(packedBytes(size));
  const columns = runtime.parts(n, 16, n * k * PACKING_WORK);
  queue.runAhead(
    'packB',
    columns.map(([start, end]) => [
      ...[k, end - start, b.at + start * b.column * 4, b.row, b.column],
      packed + start * k * 4,
    ]),
  );
  const { last } = queue;
  const isSame = last?.name === 'packedGemm' && last.values[2] === k && last.values[3] === a.at;
  const operands = (start: number): number[] => [
    ...[n, k, a.at + start * a.row * 4, a.row, a.column],
    ...[packed, to + start * n * 4, isSame ? 1 : 0],
  ];
  runtime.runOver('packedGemm', { count: m, unit: 1, work: m * n * k }, operands, runtime.kernels.gemmScratch());
}

/** A larger B is packed by each thread, a block at a time. */
const MOST_PACKED_BYTES = 2 ** 25;
const packedBytes = ({ n, k }: Product['size']): number => (n + 8) * k * 4;

/** Integers of the plan that the kernel `sharedGemm` reads, and bytes of the control block of its tickets. */
const [PLAN_WORDS, CONTROL_BYTES] = [16, 128];
/** Pieces of a product for each thread: one that is held up leaves its share to the others. */
const PIECES_PER_THREAD = 12;

/** Values of a B that each thread packs for itself: less time than meeting takes. */
const OWN_PACKING = 2 ** 15;

/** A·B by blocks of rows, which threads take as they come. */
function shareRows(runtime: KernelRuntime, product: Product): void {
  const { size, a, b, to, accumulate = 0 } = product;
  const { kernels, threads } = runtime;
  const { m, n, k } = size;
  const isOwn = (n + 8) * k <= OWN_PACKING;
  const operand = [b.at, b.row, b.column, n, k].join(' ');
  // The same B as of a product before, which packs it.
  const before = isOwn ? undefined : runtime.queue?.packed?.get(operand);
  const bytes = isOwn || before !== undefined ? 0 : packedBytes(size);
  const control = runtime.packing(CONTROL_BYTES * 2 + bytes);
  if (before !== undefined && runtime.queue?.packed?.has(operand) !== true) {
    // Packing space was used up, and with what was gathered the packed B went.
    shareRows(runtime, product);
    return;
  }
  if (bytes > 0) runtime.queue?.packed?.set(operand, control);
  const packer = before ?? control;
  const plan = control + CONTROL_BYTES;
  const packed = isOwn ? 0 : packer + CONTROL_BYTES * 2;
  const columns = Math.ceil(n / 16 / (2 * threads)) * 16;
  const rows = Math.min(kernels.gemmRows(), Math.max(12, Math.ceil(m / (threads * PIECES_PER_THREAD) / 6) * 6));
  runtime.integers(control, CONTROL_BYTES / 4).fill(0);
  runtime
    .integers(plan, PLAN_WORDS)
    .set([
      ...[m, n, k, a.at, a.row, a.column, b.at, b.row, b.column, to, accumulate],
      ...[packed, control, packer, columns, rows],
    ]);
  runtime.run(
    'sharedGemm',
    Array.from({ length: threads }, () => [plan]),
    kernels.gemmScratch(),
  );
}

/** A product with a B of int8 values, its strides in bytes, and a scale for each of its rows or columns. */
interface Int8Product extends Product {
  scales: { at: number; ofRows: boolean };
}

/** As multiply, B scaled to float32 while it is packed. */
function multiplyInt8(runtime: KernelRuntime, { size, a, b, scales, to, accumulate = 0 }: Int8Product): void {
  const { m, n, k } = size;
  const byRows = m >= n;
  const ofRows = scales.ofRows ? 1 : 0;
  const slices = runtime.parts(byRows ? m : n, byRows ? 4 : 16, m * n * k).map(([start, end]) => {
    const [rows, columns] = byRows ? [start, 0] : [0, start];
    const part = byRows ? [end - start, n, k] : [m, end - start, k];
    return [
      ...[...part, a.at + rows * a.row * 4, a.row, a.column],
      ...[b.at + columns * b.column, b.row, b.column, scales.at + (scales.ofRows ? 0 : columns * 4), ofRows],
      ...[to + (rows * n + columns) * 4, n, accumulate],
    ];
  });
  runtime.run('gemmInt8', slices, runtime.kernels.gemmScratch());
}

export function defineProducts(runtime: KernelRuntime): void {
  const gemm = (
    size: { m: number; n: number; k: number },
    a: Operand,
    b: Operand,
    to: number,
    accumulate = 0,
  ): void => {
    multiply(runtime, { size, a, b, to, accumulate });
  };
  const plain = (tensor: TensorInfo, width: number): Operand => ({
    at: runtime.address(tensor),
    row: width,
    column: 1,
  });
  const turned = (tensor: TensorInfo, width: number): Operand => ({
    at: runtime.address(tensor),
    row: 1,
    column: width,
  });

  defineKernel('FourfoldLinear', ({ inputs, input }) => {
    const [x, weight, bias] = [input('x'), input('weight'), inputs.bias];
    const { rows, width } = rowsOf(x.shape);
    const out = weight.shape[0] ?? 1;
    const y = runtime.output([...x.shape.slice(0, -1), out]);
    const to = runtime.address(y);
    if (bias !== undefined) runtime.run('fillRows', [[rows, out, runtime.address(bias), to]]);
    gemm({ m: rows, n: out, k: width }, plain(x, width), turned(weight, width), to, bias === undefined ? 0 : 1);
    return y;
  });

  // dx = dy·W
  defineKernel('FourfoldLinearInputGradient', ({ input }) => {
    const [dy, weight] = [input('dy'), input('weight')];
    const { rows, width: out } = rowsOf(dy.shape);
    const width = weight.shape[1] ?? 1;
    const dx = runtime.output([...dy.shape.slice(0, -1), width]);
    gemm({ m: rows, n: width, k: out }, plain(dy, out), plain(weight, width), runtime.address(dx));
    return dx;
  });

  // dW = dyᵀ·x
  defineKernel('FourfoldLinearWeightGradient', ({ input }) => {
    const [dy, x] = [input('dy'), input('x')];
    const { rows, width: out } = rowsOf(dy.shape);
    const { width } = rowsOf(x.shape);
    const dWeight = runtime.output([out, width]);
    gemm({ m: out, n: width, k: rows }, turned(dy, out), plain(x, width), runtime.address(dWeight));
    return dWeight;
  });

  /** Bytes of a row of packed int8 values. */
  const rowBytes = (packed: TensorInfo): number => 4 * (packed.shape[1] ?? 1);

  defineKernel('FourfoldQuantizedLinear', ({ inputs, input }) => {
    const [x, packed, bias] = [input('x'), input('packed'), inputs.bias];
    const { rows, width } = rowsOf(x.shape);
    const out = packed.shape[0] ?? 1;
    const y = runtime.output([...x.shape.slice(0, -1), out]);
    const to = runtime.address(y);
    if (bias !== undefined) runtime.run('fillRows', [[rows, out, runtime.address(bias), to]]);
    multiplyInt8(runtime, {
      size: { m: rows, n: out, k: width },
      a: plain(x, width),
      b: { at: runtime.address(packed), row: 1, column: rowBytes(packed) },
      scales: { at: runtime.address(input('scales')), ofRows: false },
      to,
      accumulate: bias === undefined ? 0 : 1,
    });
    return y;
  });

  // dx = dy·W
  defineKernel('FourfoldQuantizedLinearInputGradient', ({ input, number }) => {
    const [dy, packed] = [input('dy'), input('packed')];
    const { rows, width: out } = rowsOf(dy.shape);
    const width = number('width');
    const dx = runtime.output([...dy.shape.slice(0, -1), width]);
    multiplyInt8(runtime, {
      size: { m: rows, n: width, k: out },
      a: plain(dy, out),
      b: { at: runtime.address(packed), row: rowBytes(packed), column: 1 },
      scales: { at: runtime.address(input('scales')), ofRows: true },
      to: runtime.address(dx),
      accumulate: 0,
    });
    return dx;
  });

  // db = Σ over rows of dy
  defineKernel('FourfoldSumRows', ({ input }) => {
    const { rows, width } = rowsOf(input('x').shape);
    const sum = runtime.output([width]);
    runtime.run('sumRows', [[rows, width, runtime.address(input('x')), runtime.address(sum)]]);
    return sum;
  });

  defineKernel('BatchMatMul', ({ input, attributes }) => {
    const [a, b] = [input('a'), input('b')];
    const { transposeA, transposeB } = attributes as { transposeA: boolean; transposeB: boolean };
    const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
    const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
    const size = {
      m: transposeA ? aColumns : aRows,
      n: transposeB ? bRows : bColumns,
      k: transposeA ? aRows : aColumns,
    };
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const y = runtime.output([...outer, size.m, size.n]);
    const left = transposeA ? turned(a, aColumns) : plain(a, aColumns);
    const right = transposeB ? turned(b, bColumns) : plain(b, bColumns);
    const to = runtime.address(y);
    const count = sizeOf(outer);
    for (let i = 0; i < count; i++) {
      const from = (operand: Operand, tensor: TensorInfo): Operand => ({
        ...operand,
        at: operand.at + broadcastIndex(i, outer, tensor.shape.slice(0, -2)) * aSlice(tensor) * 4,
      });
      gemm(size, from(left, a), from(right, b), to + i * size.m * size.n * 4);
    }
    return y;
  });
}

function aSlice(tensor: TensorInfo): number {
  return (tensor.shape.at(-1) ?? 1) * (tensor.shape.at(-2) ?? 1);
}

/** The place in `shape` of element `index` of the broadcast shape `outer`. */
function broadcastIndex(index: number, outer: number[], shape: number[]): number {
  let [rest, stride, place] = [index, 1, 0];
  for (let d = 1; d <= outer.length; d++) {
    const size = outer.at(-d) ?? 1;
    const own = d <= shape.length ? (shape.at(-d) ?? 1) : 1;
    if (own !== 1) place += (rest % size) * stride;
    stride *= own;
    rest = Math.floor(rest / size);
  }
  return place;
}
