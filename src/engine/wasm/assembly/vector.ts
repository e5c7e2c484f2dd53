// Vector helpers shared by the kernels: multiply-add, exponential, logarithm, sums across lanes.
// No static data: the module lives in a memory that belongs to another module.

/** a * b + c, fused where the module is compiled for relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** (lane 0 + lane 2) + (lane 1 + lane 3): one fixed order. */
// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}

// @ts-ignore: decorator
@inline
export function maxLanes(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/**
 * e^x in four lanes, relative error below 2e-7: x = z·ln 2 + r with |r| <= ln 2 / 2, e^r by its Taylor-like polynomial
 * (coefficients of the Cephes library's expf), 2^z through the exponent bits. 0 below -87.3, at most e^88.37 (no kernel needs more),
 * NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const isTiny = f32x4.lt(x, f32x4.splat(-87.33));
  const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-87.33)), f32x4.splat(88.37));
  const z = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.44269504)));
  let r = f32x4.sub(bounded, f32x4.mul(z, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(z, f32x4.splat(-2.12194440e-4)));
  let y = f32x4.splat(1.9875691500e-4);
  y = madd(y, r, f32x4.splat(1.3981999507e-3));
  y = madd(y, r, f32x4.splat(8.3334519073e-3));
  y = madd(y, r, f32x4.splat(4.1665795894e-2));
  y = madd(y, r, f32x4.splat(1.6666665459e-1));
  y = madd(y, r, f32x4.splat(5.0000001201e-1));
  y = madd(f32x4.mul(r, r), y, f32x4.add(r, f32x4.splat(1)));
  y = f32x4.mul(y, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(z), i32x4.splat(127)), 23));
  return v128.andnot(y, isTiny);
}

// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** ln x for a positive finite x: x = m·2^e with m near 1, ln m = 2 artanh((m - 1)/(m + 1)) as a series. */
export function log1(x: f32): f64 {
  if (!(x > 0) || x == Infinity) return x == 0 ? -Infinity : <f64>x;
  const bits = reinterpret<u64>(<f64>x);
  let exponent = <i32>((bits >> 52) & 0x7ff) - 1023;
  let mantissa = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    exponent += 1;
  }
  const f = (mantissa - 1) / (mantissa + 1);
  const s = f * f;
  const series = 1 + s * (1.0 / 3 + s * (1.0 / 5 + s * (1.0 / 7 + s * (1.0 / 9 + s * (1.0 / 11 + s * (1.0 / 13))))));
  return 2 * f * series + <f64>exponent * 0.6931471805599453;
}
