// The bias of a linear layer: laid out before the product, summed up for its gradient.

/** Fills each of m rows of C with the same n values (the bias). */
export function fillRows(m: i32, n: i32, from: usize, c: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < m; i++) memory.copy(c + <usize>i * bytes, from, bytes);
}

/** to[j] = Σ over rows of x[i][j]: the gradient of a bias. */
export function sumRows(m: i32, n: i32, x: usize, to: usize): void {
  const bytes = <usize>n << 2;
  memory.fill(to, 0, bytes);
  const whole = bytes & ~15;
  for (let i = 0; i < m; i++) {
    const row = x + <usize>i * bytes;
    let p: usize = 0;
    for (; p < whole; p += 16) v128.store(to + p, f32x4.add(v128.load(to + p), v128.load(row + p)));
    for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(to + p) + load<f32>(row + p));
  }
}
