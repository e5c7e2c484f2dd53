// Layer normalisation over rows, with its gradients.
import { madd, sqrt1, sumLanes } from './vector';

/** Σ x */
function rowSum(n: i32, x: usize): f32 {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let lanes = f32x4.splat(0);
  let p: usize = 0;
  for (; p < whole; p += 16) lanes = f32x4.add(lanes, v128.load(x + p));
  let sum = sumLanes(lanes);
  for (; p < bytes; p += 4) sum += load<f32>(x + p);
  return sum;
}

/** Σ (x - mean)² */
function rowSpread(n: i32, x: usize, mean: f32): f32 {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const means = f32x4.splat(mean);
  let lanes = f32x4.splat(0);
  let p: usize = 0;
  for (; p < whole; p += 16) {
    const centred = f32x4.sub(v128.load(x + p), means);
    lanes = madd(centred, centred, lanes);
  }
  let sum = sumLanes(lanes);
  for (; p < bytes; p += 4) {
    const centred = load<f32>(x + p) - mean;
    sum += centred * centred;
  }
  return sum;
}

/** y = (x - mean)·r·g + b with r = 1/sqrt(var + ε); each row's mean and r go to `means` and `scales`. */
export function layerNorm(
  rows: i32, n: i32, x: usize, gain: usize, bias: usize, epsilon: f32, to: usize, means: usize, scales: usize,
): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const mean: f32 = rowSum(n, x) / <f32>n;
    const scale: f32 = <f32>1 / sqrt1(rowSpread(n, x, mean) / <f32>n + epsilon);
    store<f32>(means + (<usize>i << 2), mean);
    store<f32>(scales + (<usize>i << 2), scale);
    const meanLanes = f32x4.splat(mean), scaleLanes = f32x4.splat(scale);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + p), meanLanes), scaleLanes);
      v128.store(to + p, f32x4.add(f32x4.mul(normed, v128.load(gain + p)), v128.load(bias + p)));
    }
    for (; p < bytes; p += 4) {
      const normed = (load<f32>(x + p) - mean) * scale;
      store<f32>(to + p, normed * load<f32>(gain + p) + load<f32>(bias + p));
    }
    x += bytes;
    to += bytes;
  }
}

/** With h the normed x and d = g·dy: dx = r·(d - mean(d) - h·mean(d·h)) */
export function layerNormGradient(
  rows: i32, n: i32, x: usize, gain: usize, means: usize, scales: usize, dy: usize, to: usize,
): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const mean = load<f32>(means + (<usize>i << 2)), r = load<f32>(scales + (<usize>i << 2));
    const meanLanes = f32x4.splat(mean), rs = f32x4.splat(r);
    let sums = f32x4.splat(0), dots = f32x4.splat(0);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      const d = f32x4.mul(v128.load(dy + p), v128.load(gain + p));
      const normed = f32x4.mul(f32x4.sub(v128.load(x + p), meanLanes), rs);
      sums = f32x4.add(sums, d);
      dots = madd(d, normed, dots);
    }
    let sum = sumLanes(sums), dot = sumLanes(dots);
    for (; p < bytes; p += 4) {
      const d = load<f32>(dy + p) * load<f32>(gain + p);
      sum += d;
      dot += d * ((load<f32>(x + p) - mean) * r);
    }
    sum /= <f32>n;
    dot /= <f32>n;
    const sumAll = f32x4.splat(sum), dotAll = f32x4.splat(dot);
    for (p = 0; p < whole; p += 16) {
      const d = f32x4.mul(v128.load(dy + p), v128.load(gain + p));
      const normed = f32x4.mul(f32x4.sub(v128.load(x + p), meanLanes), rs);
      v128.store(to + p, f32x4.mul(f32x4.sub(f32x4.sub(d, sumAll), f32x4.mul(normed, dotAll)), rs));
    }
    for (; p < bytes; p += 4) {
      const d = load<f32>(dy + p) * load<f32>(gain + p);
      const normed = (load<f32>(x + p) - mean) * r;
      store<f32>(to + p, (d - sum - normed * dot) * r);
    }
    x += bytes;
    dy += bytes;
    to += bytes;
  }
}

/** dg = Σ over rows of dy·h, with h the normed x */
export function layerNormGainGradient(
  rows: i32, n: i32, x: usize, means: usize, scales: usize, dy: usize, to: usize,
): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  memory.fill(to, 0, bytes);
  for (let i = 0; i < rows; i++) {
    const mean = load<f32>(means + (<usize>i << 2)), r = load<f32>(scales + (<usize>i << 2));
    const meanLanes = f32x4.splat(mean), rs = f32x4.splat(r);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + p), meanLanes), rs);
      v128.store(to + p, madd(v128.load(dy + p), normed, v128.load(to + p)));
    }
    for (; p < bytes; p += 4) {
      const normed = (load<f32>(x + p) - mean) * r;
      store<f32>(to + p, load<f32>(to + p) + load<f32>(dy + p) * normed);
    }
    x += bytes;
    dy += bytes;
  }
}
