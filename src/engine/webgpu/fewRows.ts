// Linear layers over few rows, as decoding has them: up to three that share their input, in one run. Each weight is read
// once; a work group makes 32 columns of 32 rows, and four groups of its lanes share the steps of k.
import type { Dispatcher, Program, TensorInfo } from './dispatcher.ts';

const TILE = 32;
const LANES = 256;
/** Groups of lanes, each with its part of every step of k. */
const SHARES = 4;

export interface FewRows {
  rows: number;
  width: number;
  /** [rows, width], in whole vectors of four */
  x: TensorInfo;
  /** [out, width] each, and [out] or none */
  layers: ReadonlyArray<{ weight: TensorInfo; bias: TensorInfo | null }>;
  /** [rows, all outs] */
  to: TensorInfo;
  /** Whether the result is added to what is there. */
  accumulates?: boolean;
}

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');
const PARTS = ['x', 'y', 'z', 'w'];

/** @param step values of k in one step, in whole 64 */
function programOf(count: number, hasBias: boolean, step: number): Program {
  const vectors = step / 4;
  const perLane = (TILE * vectors) / LANES;
  const ofLayers = (read: (layer: number) => string): string =>
    lines(count, (layer) =>
      layer < count - 1 ? `if (layer == ${layer}u) { ${read(layer)} } else` : `{ ${read(layer)} }`,
    );
  const weights = Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, 'in vec4f'] as const));
  const biases = Object.fromEntries(Array.from({ length: count }, (_, i) => [`b${i}`, 'in f32'] as const));
  // Beyond the end of a row the last vector is read, and zeros are taken; loops, not lines: software devices compile those.
  const fetch = (from: string): string => `
    for (var i = 0u; i < ${perLane}u; i++) {
      let e = lane + i * ${LANES}u;
      let d = ${from} + e % VECTORS;
      let within = min(d, all - 1u);
      let value = x[min(row0 + e / VECTORS, p.rows - 1u) * all + within];
      ofX[i] = select(vec4f(), value, d < all);
      ofWeight[i] = weightAt(layer, min(column0 + e / VECTORS, n - 1u) * all + within);
    }`;
  return {
    name: `fewRows ${count} ${hasBias} ${step}`,
    buffers: { x: 'in vec4f', ...weights, ...(hasBias ? biases : {}), out: 'out f32' },
    numbers: {
      ...{ rows: 'u32', k: 'u32', n0: 'u32', n1: 'u32', n2: 'u32' },
      ...{ tiles0: 'u32', tiles1: 'u32', accumulate: 'u32' },
    },
    body: `
const VECTORS = ${vectors}u;
var<workgroup> tile: array<vec4f, ${2 * TILE * vectors}>;
// A line's vectors are moved by a number of their four rows, so that neighbouring lanes read from different banks.
fn placed(row: u32, vector: u32) -> u32 { return row * VECTORS + (vector ^ ((row / 4u) & 7u)); }

fn weightAt(layer: u32, at: u32) -> vec4f {
  ${ofLayers((layer) => `return w${layer}[at];`)}
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Which layer this is, its first column, and how many columns lie before it.
  var layer = 0u;
  var column0 = group.x * ${TILE}u;
  var before = 0u;
  var n = p.n0;
  if (group.x >= p.tiles0 + p.tiles1) { layer = 2u; column0 -= (p.tiles0 + p.tiles1) * ${TILE}u; before = p.n0 + p.n1; n = p.n2; }
  else if (group.x >= p.tiles0) { layer = 1u; column0 -= p.tiles0 * ${TILE}u; before = p.n0; n = p.n1; }
  let row0 = group.y * ${TILE}u;
  let all = p.k / 4u;
  let share = lane / 64u;
  let tx = lane % 8u;
  let ty = (lane % 64u) / 8u;
  ${lines(4, (i) => `var s${i} = vec4f();`)}
  var ofX: array<vec4f, ${perLane}>;
  var ofWeight: array<vec4f, ${perLane}>;
  ${fetch('0u')}
  for (var k0 = 0u; k0 < all; k0 += VECTORS) {
    workgroupBarrier();
    for (var i = 0u; i < ${perLane}u; i++) {
      let e = lane + i * ${LANES}u;
      tile[placed(e / VECTORS, e % VECTORS)] = ofX[i];
      tile[${TILE * vectors}u + placed(e / VECTORS, e % VECTORS)] = ofWeight[i];
    }
    workgroupBarrier();
    // The next step is on its way while this one is multiplied.
    ${fetch('(k0 + VECTORS)')}
    for (var d = share; d < VECTORS; d += ${SHARES}u) {
      let line = d ^ (ty & 7u);
      let other = ${TILE * vectors}u + (d ^ (tx & 7u));
      ${lines(4, (j) => `let r${j} = tile[(4u * tx + ${j}u) * VECTORS + other];`)}
      ${lines(
        4,
        (i) => `{
        let l = tile[(4u * ty + ${i}u) * VECTORS + line];
        ${PARTS.map((part) => `s${i} = fma(vec4f(l.${part}), vec4f(r0.${part}, r1.${part}, r2.${part}, r3.${part}), s${i});`).join('\n')}
      }`,
      )}
    }
  }
  workgroupBarrier();
  ${lines(4, (i) => `tile[share * 256u + (4u * ty + ${i}u) * 8u + tx] = s${i};`)}
  workgroupBarrier();
  let row = row0 + lane / 8u;
  if (row >= p.rows) { return; }
  let sum = ((tile[lane] + tile[256u + lane]) + tile[512u + lane]) + tile[768u + lane];
  for (var j = 0u; j < 4u; j++) {
    let column = column0 + (lane % 8u) * 4u + j;
    if (column >= n) { break; }
    let at = row * (p.n0 + p.n1 + p.n2) + before + column;
    var value = sum[j];
    ${hasBias ? ofLayers((layer) => `value += b${layer}[column];`) : ''}
    if (p.accumulate == 1u) { value += out[at]; }
    out[at] = value;
  }
}`,
  };
}

const programs = new Map<string, Program>();

/** out = x·Wᵀ (+ bias, + out) of each layer, side by side. */
export function multiplyFewRows(
  dispatcher: Pick<Dispatcher, 'run' | 'workgroupBytes'>,
  { rows, width, x, layers, to, accumulates = false }: FewRows,
): void {
  const hasBias = layers.some(({ bias }) => bias !== null);
  const step = dispatcher.workgroupBytes > 32_768 ? 128 : 64;
  const key = `${layers.length} ${hasBias} ${step}`;
  const program = programs.get(key) ?? programOf(layers.length, hasBias, step);
  programs.set(key, program);
  const [n0 = 0, n1 = 0, n2 = 0] = layers.map(({ weight }) => weight.shape[0] ?? 0);
  const [tiles0, tiles1, tiles2] = [n0, n1, n2].map((n) => Math.ceil(n / TILE)) as [number, number, number];
  const tensors = Object.fromEntries(
    layers.flatMap(({ weight, bias }, i) => [[`w${i}`, weight], ...(bias === null ? [] : [[`b${i}`, bias]])]),
  );
  dispatcher.run(
    program,
    { x, ...tensors, out: to },
    { rows, k: width, n0, n1, n2, tiles0, tiles1, accumulate: accumulates ? 1 : 0 },
    [tiles0 + tiles1 + tiles2, Math.ceil(rows / TILE)],
  );
}
