// Kernels over rows on webgpu: softmax, log-softmax, sums over rows. One work group a row.
import { defineKernel } from './define.ts';
import { type Dispatcher, groupsFor, type Program, type TensorInfo, UNIT_OF } from './dispatcher.ts';
import { rowsOf } from './sizes.ts';

/** WGSL: sum and maximum over the lanes of a work group, the same for every lane, in one order always. */
export const REDUCE = `
const LANES = 128u;
var<workgroup> lanes: array<f32, 128>;
fn sumOf(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride >>= 1u) {
    if (lane < stride) { lanes[lane] += lanes[lane + stride]; }
    workgroupBarrier();
  }
  let total = lanes[0];
  workgroupBarrier();
  return total;
}
fn maxOf(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride >>= 1u) {
    if (lane < stride) { lanes[lane] = max(lanes[lane], lanes[lane + stride]); }
    workgroupBarrier();
  }
  let top = lanes[0];
  workgroupBarrier();
  return top;
}`;

/** WGSL: an entry point of one work group a row, with `row`, `start` (its first value) and `lane`. */
export const rowMain = (body: string): string => `${UNIT_OF}${REDUCE}
@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = unitOf(group, groups);
  if (row >= p.rows) { return; }
  let start = row * p.width;
  ${body}
}`;

export const EACH = (body: string): string => `for (var i = lane; i < p.width; i += LANES) { ${body} }`;
export const ROWS = { rows: 'u32', width: 'u32' } as const;

const SOFTMAX: Program = {
  name: 'softmax',
  buffers: { x: 'in f32', y: 'out f32' },
  numbers: ROWS,
  body: rowMain(`
  var top = -3.4e38;
  ${EACH('top = max(top, x[start + i]);')}
  top = maxOf(top, lane);
  var sum = 0.0;
  ${EACH('sum += exp(x[start + i] - top);')}
  sum = sumOf(sum, lane);
  ${EACH('y[start + i] = exp(x[start + i] - top) / sum;')}`),
};

const LOG_SOFTMAX: Program = {
  name: 'logSoftmax',
  buffers: { x: 'in f32', y: 'out f32' },
  numbers: ROWS,
  body: rowMain(`
  var top = -3.4e38;
  ${EACH('top = max(top, x[start + i]);')}
  top = maxOf(top, lane);
  var sum = 0.0;
  ${EACH('sum += exp(x[start + i] - top);')}
  let logSum = log(sumOf(sum, lane));
  ${EACH('y[start + i] = x[start + i] - top - logSum;')}`),
};

/** dx = y · (dy - Σ dy·y) */
const SOFTMAX_GRADIENT: Program = {
  name: 'softmaxGradient',
  buffers: { y: 'in f32', dy: 'in f32', dx: 'out f32' },
  numbers: ROWS,
  body: rowMain(`
  var sum = 0.0;
  ${EACH('sum += dy[start + i] * y[start + i];')}
  sum = sumOf(sum, lane);
  ${EACH('dx[start + i] = y[start + i] * (dy[start + i] - sum);')}`),
};

/** dx = dy - exp(y) · Σ dy */
const LOG_SOFTMAX_GRADIENT: Program = {
  name: 'logSoftmaxGradient',
  buffers: { y: 'in f32', dy: 'in f32', dx: 'out f32' },
  numbers: ROWS,
  body: rowMain(`
  var sum = 0.0;
  ${EACH('sum += dy[start + i];')}
  sum = sumOf(sum, lane);
  ${EACH('dx[start + i] = dy[start + i] - exp(y[start + i]) * sum;')}`),
};

/** Rows whose sum one work group makes. */
const ROWS_OF_PART = 256;

/** Σ of `term` over some rows, a column a lane of x, eight rows at a time; work groups along y take a part of the rows each. */
export const columnSum = (name: string, buffers: Program['buffers'], term: string): Program => ({
  name,
  buffers: { ...buffers, sum: 'out f32' },
  numbers: ROWS,
  body: `
var<workgroup> parts: array<f32, 256>;
@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = group.x * 32u + local.x;
  let end = min(p.rows, (group.y + 1u) * ${ROWS_OF_PART}u);
  var total = 0.0;
  if (i < p.width) {
    for (var row = group.y * ${ROWS_OF_PART}u + local.y; row < end; row += 8u) {
      let at = row * p.width + i;
      total += ${term};
    }
  }
  parts[local.y * 32u + local.x] = total;
  workgroupBarrier();
  if (local.y == 0u && i < p.width) {
    for (var part = 1u; part < 8u; part++) { total += parts[part * 32u + local.x]; }
    sum[group.y * p.width + i] = total;
  }
}`,
});

/** Runs a column sum over all rows. @returns [width] */
export function sumColumns(
  dispatcher: Dispatcher,
  program: Program,
  tensors: Record<string, TensorInfo>,
  { rows, width }: { rows: number; width: number },
): TensorInfo {
  const parts = Math.max(1, Math.ceil(rows / ROWS_OF_PART));
  const sums = dispatcher.output(parts === 1 ? [width] : [parts, width]);
  const groups = Math.ceil(width / 32);
  dispatcher.run(program, { ...tensors, sum: sums }, { rows, width }, [groups, parts]);
  if (parts === 1) return sums;
  const sum = sumColumns(dispatcher, SUM_ROWS, { x: sums }, { rows: parts, width });
  dispatcher.release(sums);
  return sum;
}
const SUM_ROWS = columnSum('sumRows', { x: 'in f32' }, 'x[at]');
export function defineRowKernels(dispatcher: Dispatcher): void {
  for (const [name, forward, backward] of [
    ['FourfoldSoftmax', SOFTMAX, SOFTMAX_GRADIENT],
    ['FourfoldLogSoftmax', LOG_SOFTMAX, LOG_SOFTMAX_GRADIENT],
  ] as const) {
    defineKernel(name, ({ input }) => {
      const [x, y] = [input('x'), dispatcher.output(input('x').shape)];
      const size = rowsOf(x.shape);
      dispatcher.run(forward, { x, y }, size, groupsFor(size.rows));
      return y;
    });
    defineKernel(`${name}Gradient`, ({ input }) => {
      const [y, dy, dx] = [input('y'), input('dy'), dispatcher.output(input('y').shape)];
      const size = rowsOf(y.shape);
      dispatcher.run(backward, { y, dy, dx }, size, groupsFor(size.rows));
      return dx;
    });
  }

  defineKernel('FourfoldSumRows', ({ input }) => {
    const x = input('x');
    const size = rowsOf(x.shape);
    return sumColumns(dispatcher, SUM_ROWS, { x }, size);
  });
}
