// A product with a B that lies packed (`packB`, all steps of k in each panel), for some rows of A.
import { FEW_COLUMNS } from './direct';
import { blockOf, KC, overRows, overRowsInPlace } from './gemm';
import { packRowsOfA } from './pack';
import { NR, paddedRows, panelWidth, TILE_BYTES } from './tile';

/** C [m, n] = A·B for at most `gemmRows` rows, as in `gemm`; where `isSameA` the call before on this scratch space had the same A. */
export function packedGemm(
  m: i32, n: i32, k: i32, a: usize, aRow: i32, aCol: i32, packed: usize, c: usize, isSameA: i32, scratch: usize,
): void {
  overPacked(m, n, k, a, aRow, aCol, packed, c, false, isSameA != 0, scratch);
}

/**
 * Each panel meets the rows while it is in the first-level cache. C's rows lie side by side. Rows of A that lie side by side too
 * are read where they are if few columns meet them.
 */
export function overPacked(
  m: i32, n: i32, k: i32, a: usize, aRow: i32, aCol: i32, packed: usize, c: usize, accumulate: bool, isSameA: bool, scratch: usize,
): void {
  const packedA = scratch + TILE_BYTES;
  const cStep = <usize>n << 2, aStep = <usize>aCol << 2;
  const most = blockOf(k);
  const isInPlace = n <= FEW_COLUMNS && aCol != 1 && paddedRows(m) == m;
  for (let k0 = 0; k0 < k; k0 += most) {
    const kc = min(most, k - k0);
    const isContinued = accumulate || k0 > 0;
    const from = a + <usize>k0 * aStep;
    if (!isInPlace && (!isSameA || k > KC)) packRowsOfA(kc, m, from, aRow, aCol, packedA);
    for (let j = 0; j < n; j += NR) {
      const width = panelWidth(n - j);
      const panel = packed + (<usize>(<i64>j * k + <i64>k0 * width) << 2);
      const columns = min(width, n - j);
      const to = c + (<usize>j << 2);
      if (isInPlace) overRowsInPlace(m, width, columns, kc, from, aStep, panel, to, cStep, isContinued, scratch);
      else overRows(m, width, columns, kc, packedA, panel, to, cStep, isContinued, scratch);
    }
  }
}
