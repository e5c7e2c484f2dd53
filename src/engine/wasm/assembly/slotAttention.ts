// Attention of one query a row against a slot of a cache, for decoders that go operation by operation.
import { weighRow } from './attendSlot';
import { beforeWindow } from './attention';
import { capRow } from './cap';
import { gemm } from './gemm';
import { rowScale } from './rows';
import { copyShort } from './short';

/** Bytes of scratch of slotAttention: the scores of one query, in whole vectors. gemm needs none for a single row. */
export function slotAttentionScratch(capacity: i32): i32 {
  return (capacity + 4) << 2;
}

/**
 * One query a row against the slot of a cache, for the key heads first .. last - 1 out of rows·kvHeads with all their query
 * heads: the same chains of operations as `attention` has for a row's last query. Row r sees the last `window` of the first
 * lengths[r] positions.
 * Layouts: query [rows, heads, dim], a row `queryRow` and a head `headStep` values apart; key and value
 * [slots, kvHeads, capacity, dim]; out [rows, heads, dim].
 */
export function slotAttention(
  first: i32, last: i32, heads: i32, kvHeads: i32, dim: i32, capacity: i32,
  query: usize, queryRow: i32, headStep: i32, key: usize, value: usize, slots: usize, lengths: usize,
  scale: f32, window: i32, cap: f32, out: usize, scores: usize,
): void {
  const group = heads / kvHeads;
  for (let i = first; i < last; i++) {
    const r = i / kvHeads, kv = i % kvHeads;
    const length = load<i32>(lengths + (r << 2));
    const before = beforeWindow(length, window);
    // Four keys at a time add to the sum, counted from the first position.
    const skipped = before & ~3;
    const seen = length - skipped;
    const at = (<usize>(((<i64>load<i32>(slots + (r << 2)) * kvHeads + kv) * capacity + skipped) * dim)) << 2;
    for (let h = kv * group; h < (kv + 1) * group; h++) {
      const q = query + ((<usize>r * queryRow + h * headStep) << 2);
      // The scaled query lies where the result comes.
      const to = out + ((<usize>(r * heads + h) * dim) << 2);
      copyShort(to, q, <usize>dim << 2);
      rowScale(dim, to, scale);
      gemm(1, seen, dim, to, dim, 1, key + at, 1, dim, scores, seen, 0, 0);
      if (cap > 0) capRow(seen, scores, 1, cap);
      const sum = weighRow(before - skipped, seen, scores);
      gemm(1, dim, seen, scores, seen, 1, value + at, dim, 1, to, dim, 0, 0);
      rowScale(dim, to, 1 / sum);
    }
  }
}
