// Operands of a product laid out for the tiles: rows of A by sixes or fours, columns of B in panels, both k-major.
import { copyShort } from './short';
import { MR, panelWidth, tileRows } from './tile';

/** Packs `rows` rows of A, tile after tile; rows that are not there repeat the last one (their results are dropped). */
export function packRowsOfA(kc: i32, rows: i32, a: usize, aRow: i32, aCol: i32, to: usize): void {
  for (let r = 0; r < rows; r += MR) {
    const count = min(MR, rows - r);
    packA(kc, count, a + (<usize>(<i64>r * aRow) << 2), aRow, aCol, to);
    to += (<usize>tileRows(count) * kc) << 2;
  }
}

/** One tile's rows of A: 4 or 6 values a step of k. One of the strides is 1. */
export function packA(kc: i32, rows: i32, a: usize, aRow: i32, aCol: i32, to: usize): void {
  const padded = tileRows(rows);
  const last = rows - 1;
  if (aCol != 1) {
    // aRow is 1: the rows lie side by side.
    const step = <usize>aCol << 2;
    if (rows < padded) {
      for (let p = 0; p < kc; p++) {
        for (let r = 0; r < padded; r++) store<f32>(to + (r << 2), load<f32>(a + (min(r, last) << 2)));
        a += step;
        to += padded << 2;
      }
      return;
    }
    for (let p = 0; p < kc; p++) {
      v128.store(to, v128.load(a));
      if (WIDE && padded == 6) store<u64>(to, load<u64>(a, 16), 16);
      a += step;
      to += padded << 2;
    }
    return;
  }
  const step = <usize>aRow << 2;
  const p2 = a + <usize>min(2, last) * step, p3 = a + <usize>min(3, last) * step;
  turnFour(kc, a, a + <usize>min(1, last) * step, p2, p3, to, padded << 2);
  if (WIDE && padded == 6) turnTwo(kc, a + 4 * step, a + <usize>min(5, last) * step, to + 16, 24);
}

/** Panels of B; columns that are not there hold anything (their results are dropped). One of the strides is 1. */
export function packB(kc: i32, nc: i32, b: usize, bRow: i32, bCol: i32, to: usize): void {
  for (let j = 0; j < nc; ) {
    const width = panelWidth(nc - j);
    packPanel(kc, width, min(width, nc - j), b + (<usize>(<i64>j * bCol) << 2), bRow, bCol, to);
    to += (<usize>width * kc) << 2;
    j += width;
  }
}

/** One panel of `width` columns, of which `columns` are there. */
export function packPanel(kc: i32, width: i32, columns: i32, b: usize, bRow: i32, bCol: i32, to: usize): void {
  const toStep = <usize>width << 2;
  if (bCol == 1) {
    const step = <usize>bRow << 2;
    if (WIDE && columns == 16) {
      for (let p = 0; p < kc; p++) {
        v128.store(to, v128.load(b)); v128.store(to, v128.load(b, 16), 16);
        v128.store(to, v128.load(b, 32), 32); v128.store(to, v128.load(b, 48), 48);
        b += step;
        to += 64;
      }
    } else if (columns == 8) {
      for (let p = 0; p < kc; p++) {
        v128.store(to, v128.load(b)); v128.store(to, v128.load(b, 16), 16);
        b += step;
        to += toStep;
      }
    } else {
      const bytes = <usize>columns << 2;
      for (let p = 0; p < kc; p++) {
        copyShort(to, b, bytes);
        b += step;
        to += toStep;
      }
    }
    return;
  }
  // bRow is 1: each column lies in one piece.
  const step = <usize>bCol << 2;
  const last = columns - 1;
  for (let j = 0; j < width; j += 4) {
    const p0 = b + <usize>min(j, last) * step, p1 = b + <usize>min(j + 1, last) * step;
    const p2 = b + <usize>min(j + 2, last) * step, p3 = b + <usize>min(j + 3, last) * step;
    turnFour(kc, p0, p1, p2, p3, to + (j << 2), toStep);
  }
}

/** Transposes four pieces of kc values into kc groups of four, `step` bytes apart. */
function turnFour(kc: i32, p0: usize, p1: usize, p2: usize, p3: usize, to: usize, step: usize): void {
  const step2 = step << 1;
  const step3 = step + step2;
  let p = 0;
  for (; p + 4 <= kc; p += 4) {
    const x0 = v128.load(p0), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
    const lo01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
    const hi01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
    const lo23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
    const hi23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5));
    v128.store(to + step, v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7));
    v128.store(to + step2, v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5));
    v128.store(to + step3, v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7));
    p0 += 16; p1 += 16; p2 += 16; p3 += 16;
    to += step << 2;
  }
  for (; p < kc; p++) {
    store<f32>(to, load<f32>(p0));
    store<f32>(to + 4, load<f32>(p1));
    store<f32>(to + 8, load<f32>(p2));
    store<f32>(to + 12, load<f32>(p3));
    p0 += 4; p1 += 4; p2 += 4; p3 += 4;
    to += step;
  }
}

/** Transposes two pieces of kc values into kc pairs, `step` bytes apart. */
function turnTwo(kc: i32, p0: usize, p1: usize, to: usize, step: usize): void {
  const step2 = step << 1;
  let p = 0;
  for (; p + 4 <= kc; p += 4) {
    const x0 = v128.load(p0), x1 = v128.load(p1);
    const low = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
    const high = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
    v128.store64_lane(to, low, 0);
    v128.store64_lane(to + step, low, 1);
    v128.store64_lane(to + step2, high, 0);
    v128.store64_lane(to + step + step2, high, 1);
    p0 += 16; p1 += 16;
    to += step << 2;
  }
  for (; p < kc; p++) {
    store<f32>(to, load<f32>(p0));
    store<f32>(to + 4, load<f32>(p1));
    p0 += 4; p1 += 4;
    to += step;
  }
}

/** Panels of an int8 B whose rows lie in one piece, each row times its scale. */
export function packInt8Rows(kc: i32, nc: i32, b: usize, bRow: i32, scales: usize, to: usize): void {
  for (let j = 0; j < nc; ) {
    const width = panelWidth(nc - j);
    for (let half = 0; half < width; half += 8) {
      const columns = min(8, nc - j - half);
      let from = b + <usize>(j + half);
      let at = to + (half << 2);
      for (let p = 0; p < kc; p++) {
        const scale = load<f32>(scales + (<usize>p << 2));
        if (columns == 8) {
          const wide = v128.load8x8_s(from);
          const times = f32x4.splat(scale);
          v128.store(at, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(wide)), times));
          v128.store(at, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(wide)), times), 16);
        } else {
          for (let i = 0; i < columns; i++) store<f32>(at + (i << 2), <f32>load<i8>(from + i) * scale);
        }
        from += bRow;
        at += width << 2;
      }
    }
    to += (<usize>width * kc) << 2;
    j += width;
  }
}

/** Panels of an int8 B whose columns lie in one piece, each column times its scale. */
export function packInt8Columns(kc: i32, nc: i32, b: usize, bCol: i32, scales: usize, to: usize): void {
  for (let j = 0; j < nc; ) {
    const width = panelWidth(nc - j);
    for (let i = 0; i < min(width, nc - j); i++) {
      const scale = load<f32>(scales + (<usize>(j + i) << 2));
      const from = b + <usize>(j + i) * bCol;
      let at = to + (i << 2);
      for (let p = 0; p < kc; p++) {
        store<f32>(at, <f32>load<i8>(from + p) * scale);
        at += width << 2;
      }
    }
    to += (<usize>width * kc) << 2;
    j += width;
  }
}
