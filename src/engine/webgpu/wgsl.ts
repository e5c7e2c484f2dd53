// Functions in WGSL that the language's own leave too inexact.

/** Hyperbolic tangent to float32's rounding; the language's own may be off by 1e-4. */
export const TANH = `
fn tanhOf(x: f32) -> f32 {
  let square = x * x;
  if (square < 0.04) { return x * (1.0 + square * (-1.0 / 3.0 + square * (2.0 / 15.0 - square * 17.0 / 315.0))); }
  let e = exp(-2.0 * abs(x));
  return sign(x) * (1.0 - e) / (1.0 + e);
}`;
