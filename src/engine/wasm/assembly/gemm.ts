// C = A·B (or C += A·B) for any mix of transposed operands. Each element of C is one chain of multiply-adds along k in
// ascending order, whatever the tile it falls in, so a row's result never depends on the other rows.
//
// A block of A and a block of B are packed (pack.ts); each panel of B then meets every row of A while it is in the first-level
// cache (the loops of Goto and van de Geijn, 2008).
import { direct, FEW_COLUMNS } from './direct';
import { narrowDot, narrowSum } from './narrow';
import { packB, packInt8Columns, packInt8Rows, packRowsOfA } from './pack';
import { copyShort } from './short';
import { MR, panelWidth, tile, TILE_BYTES, tileRows } from './tile';

/** Steps of k, columns of B, and rows of A in a block. */
export const KC: i32 = 256;
const NC: i32 = 512;
export const MC: i32 = 96;
export const PACKED_A: i32 = KC * MC * 4;
/** Bytes that gemm needs at `scratch`: a tile at an edge, the block of A, the block of B. */
export const GEMM_SCRATCH: i32 = TILE_BYTES + PACKED_A + KC * NC * 4;

export function gemmScratch(): i32 {
  return GEMM_SCRATCH;
}

/** Rows that fit into a packed block of A. */
export function gemmRows(): i32 {
  return MC;
}

/**
 * Element (i, k) of A lies at a + 4·(i·aRow + k·aCol), element (k, j) of B at b + 4·(k·bRow + j·bCol), element (i, j) of
 * C at c + 4·(i·cRow + j). One stride of each operand must be 1.
 */
export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  b: usize, bRow: i32, bCol: i32,
  c: usize, cRow: i32, accumulate: i32, scratch: usize,
): void {
  if (m <= 0 || n <= 0) return;
  const cStep = <usize>cRow << 2;
  if (k <= 0) {
    if (!accumulate) for (let i = 0; i < m; i++) memory.fill(c + <usize>i * cStep, 0, <usize>n << 2);
    return;
  }
  if (m <= 2) {
    if (bRow == 1) narrowDot(m, n, k, a, aRow, aCol, b, bCol, c, cStep, accumulate);
    else narrowSum(m, n, k, a, aRow, aCol, b, bRow, c, cStep, accumulate);
    return;
  }
  const packedB = scratch + TILE_BYTES + PACKED_A;
  const most = blockOf(k);
  for (let k0 = 0; k0 < k; k0 += most) {
    const kc = min(most, k - k0);
    const isContinued = accumulate != 0 || k0 > 0;
    for (let n0 = 0; n0 < n; n0 += NC) {
      const nc = min(NC, n - n0);
      packB(kc, nc, b + (<usize>(<i64>k0 * bRow + <i64>n0 * bCol) << 2), bRow, bCol, packedB);
      const from = a + (<usize>(<i64>k0 * aCol) << 2);
      if (n <= FEW_COLUMNS) overFewColumns(m, nc, kc, from, aRow, aCol, packedB, c, cStep, isContinued, scratch);
      else overBlocks(m, nc, kc, from, aRow, aCol, c + (<usize>n0 << 2), cStep, isContinued, scratch);
    }
  }
}

/**
 * The same product with a B of int8 values, each multiplied by a float32 scale while it is packed: element (k, j) of B is
 * int8 at b + k·bRow + j·bCol (strides in bytes, one of them 1) times the scale of its k where `scalesK`, else of its j.
 */
export function gemmInt8(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  b: usize, bRow: i32, bCol: i32, scales: usize, scalesK: i32,
  c: usize, cRow: i32, accumulate: i32, scratch: usize,
): void {
  if (m <= 0 || n <= 0) return;
  const cStep = <usize>cRow << 2;
  const packedB = scratch + TILE_BYTES + PACKED_A;
  const most = blockOf(k);
  for (let k0 = 0; k0 < k; k0 += most) {
    const kc = min(most, k - k0);
    const isContinued = accumulate != 0 || k0 > 0;
    for (let n0 = 0; n0 < n; n0 += NC) {
      const nc = min(NC, n - n0);
      const from = b + <usize>(<i64>k0 * bRow + <i64>n0 * bCol);
      if (scalesK) packInt8Rows(kc, nc, from, bRow, scales + (<usize>k0 << 2), packedB);
      else packInt8Columns(kc, nc, from, bCol, scales + (<usize>n0 << 2), packedB);
      overBlocks(m, nc, kc, a + (<usize>(<i64>k0 * aCol) << 2), aRow, aCol, c + (<usize>n0 << 2), cStep, isContinued, scratch);
    }
  }
}

/** Steps of k in a block: k in equal parts, none above KC. */
// @ts-ignore: decorator
@inline
export function blockOf(k: i32): i32 {
  const parts = (k + KC - 1) / KC;
  return parts == 1 ? k : ((k + parts - 1) / parts + 3) & ~3;
}

/** All rows of A against the packed block of B: C [m, nc] is set, or added to where `isContinued`. */
function overBlocks(
  m: i32, nc: i32, kc: i32, a: usize, aRow: i32, aCol: i32, c: usize, cStep: usize, isContinued: bool, scratch: usize,
): void {
  const packedA = scratch + TILE_BYTES;
  for (let i = 0; i < m; i += MC) {
    const mc = min(MC, m - i);
    packRowsOfA(kc, mc, a + (<usize>(<i64>i * aRow) << 2), aRow, aCol, packedA);
    let panel = packedA + PACKED_A;
    for (let j = 0; j < nc; ) {
      const width = panelWidth(nc - j);
      overRows(mc, width, min(width, nc - j), kc, packedA, panel, c + <usize>i * cStep + (<usize>j << 2), cStep, isContinued, scratch);
      panel += (<usize>width * kc) << 2;
      j += width;
    }
  }
}

/** All rows of A, where they lie, against the packed panels of B; what is left of the rows is packed after all. */
function overFewColumns(
  m: i32, n: i32, kc: i32, a: usize, aRow: i32, aCol: i32, b: usize, c: usize, cStep: usize, isContinued: bool, scratch: usize,
): void {
  const aStep = <usize>aRow << 2, aNext = <usize>aCol << 2;
  let i = 0;
  for (; i + MR <= m; i += MR) {
    let panel = b;
    for (let j = 0; j < n; ) {
      const width = panelWidth(n - j);
      const at = c + (<usize>j << 2);
      if (j + width <= n) {
        direct(width, kc, a, aStep, aNext, panel, at, cStep, isContinued);
      } else {
        const step = <usize>width << 2, bytes = <usize>(n - j) << 2;
        if (isContinued) for (let r = 0; r < MR; r++) copyShort(scratch + <usize>r * step, at + <usize>r * cStep, bytes);
        direct(width, kc, a, aStep, aNext, panel, scratch, step, isContinued);
        for (let r = 0; r < MR; r++) copyShort(at + <usize>r * cStep, scratch + <usize>r * step, bytes);
      }
      panel += (<usize>width * kc) << 2;
      j += width;
    }
    a += <usize>MR * aStep;
    c += <usize>MR * cStep;
  }
  if (i == m) return;
  const packedA = scratch + TILE_BYTES;
  packRowsOfA(kc, m - i, a, aRow, aCol, packedA);
  for (let j = 0; j < n; ) {
    const width = panelWidth(n - j);
    overRows(m - i, width, min(width, n - j), kc, packedA, b, c + (<usize>j << 2), cStep, isContinued, scratch);
    b += (<usize>width * kc) << 2;
    j += width;
  }
}

/** The packed rows against one panel, of whose `width` columns the first `columns` are wanted. */
export function overRows(
  rows: i32, width: i32, columns: i32, kc: i32, a: usize, b: usize, c: usize, cStep: usize, isContinued: bool, edge: usize,
): void {
  for (let i = 0; i < rows; i += MR) {
    const count = min(MR, rows - i);
    const padded = tileRows(count);
    const aStep = <usize>padded << 2;
    if (count == padded && columns == width) tile(padded, width, kc, a, aStep, b, c, cStep, isContinued);
    else edgeTile(padded, width, kc, a, aStep, b, c, cStep, isContinued, count, columns, edge);
    a += (<usize>padded * kc) << 2;
    c += <usize>MR * cStep;
  }
}

/** The same with rows that lie side by side, `aStep` bytes from step to step; whole tiles of them. */
export function overRowsInPlace(
  rows: i32, width: i32, columns: i32, kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize, isContinued: bool, edge: usize,
): void {
  for (let i = 0; i < rows; i += MR) {
    const count = min(MR, rows - i);
    if (columns == width) tile(count, width, kc, a, aStep, b, c, cStep, isContinued);
    else edgeTile(count, width, kc, a, aStep, b, c, cStep, isContinued, count, columns, edge);
    a += <usize>MR << 2;
    c += <usize>MR * cStep;
  }
}

/** A tile of which only some rows or columns are wanted: the same tile, in a corner of the scratch space. */
function edgeTile(
  padded: i32, width: i32, kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize, isContinued: bool,
  rows: i32, columns: i32, edge: usize,
): void {
  const step = <usize>width << 2;
  const bytes = <usize>columns << 2;
  if (isContinued) for (let i = 0; i < rows; i++) copyShort(edge + <usize>i * step, c + <usize>i * cStep, bytes);
  tile(padded, width, kc, a, aStep, b, edge, step, isContinued);
  for (let i = 0; i < rows; i++) copyShort(c + <usize>i * cStep, edge + <usize>i * step, bytes);
}
