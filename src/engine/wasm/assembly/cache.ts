// Rows of a table written in place: keys and values going into a cache.

/** table[indices[i]] = rows[i], in order; rows of n values. */
export function scatterRows(count: i32, n: i32, table: usize, indices: usize, rows: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < count; i++) {
    memory.copy(table + <usize>load<i32>(indices + (<usize>i << 2)) * bytes, rows, bytes);
    rows += bytes;
  }
}
