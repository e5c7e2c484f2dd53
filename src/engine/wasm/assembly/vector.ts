// Vector helpers shared by the kernels: multiply-add, exponential, logarithm, sums across lanes.
// No static data: the module lives in a memory that belongs to another module.

/** a * b + c, fused where the module is compiled for relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/**
 * √x by the vector instruction: V8 compiles the scalar one to the form without a VEX prefix, which takes some 100 ns while the
 * upper halves of the registers are in use.
 */
// @ts-ignore: decorator
@inline
export function sqrt1(x: f32): f32 {
  return f32x4.extract_lane(f32x4.sqrt(f32x4.splat(x)), 0);
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
 * Where the constants lie: a load costs one instruction, a vector constant three or four, which the engines do not move out of
 * loops. Those of exp4 fill two vectors, so that two neighbouring calls load neighbours, which V8 joins; two splatting loads
 * of one value it puts together by three instructions.
 */
export let constants: usize = 0;

/** Bytes that the constants take. */
export function constantsSize(): i32 {
  return 14 * 32 + 16 * 16 + 64;
}

/** Writes the constants to `address`, which stays theirs. To be called once, before any other kernel. */
export function setConstants(address: usize): void {
  constants = (address + 63) & ~63;
  put(0, -87.33);
  put(1, 88.37);
  put(2, 1.44269504);
  put(3, -0.693359375);
  put(4, 2.1219444e-4);
  put(5, 1.98756915e-4);
  put(6, 1.3981999507e-3);
  put(7, 8.3334519073e-3);
  put(8, 4.1665795894e-2);
  put(9, 1.6666665459e-1);
  put(10, 5.0000001201e-1);
  put(11, 12582912);
  put(12, 1);
  // Those of expPair: bound, 1/ln 2, 1.5·2⁵², -ln 2 in two parts, then 1/10! .. 1/0!.
  putPair(0, -708);
  putPair(1, 1.4426950408889634);
  putPair(2, 6755399441055744);
  putPair(3, -6.93147180369123816490e-1);
  putPair(4, -1.90821492927058770002e-10);
  let factorial: f64 = 3628800;
  for (let i = 0; i <= 10; i++) {
    putPair(5 + i, 1 / factorial);
    factorial /= <f64>(10 - i);
  }
}

function putPair(index: i32, value: f64): void {
  v128.store(constants + 448 + (index << 4), f64x2.splat(value));
}

function put(index: i32, value: f32): void {
  const value4 = f32x4.splat(value);
  v128.store(constants + (index << 5), value4, 32); v128.store(constants + (index << 5), value4, 48);
}

/**
 * e^x in four lanes, relative error below 2e-7: x = z·ln 2 + r with |r| <= ln 2 / 2, e^r by a polynomial
 * (coefficients of the Cephes library's expf), 2^z through the exponent bits. 0 below -87.3, at most e^88.37 (no kernel
 * needs more), NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  return exp4At(x, constants);
}

/** exp4 with the address of the constants: `constants`, or 16 bytes more for the second of two neighbours, so that V8 joins them. */
// @ts-ignore: decorator
@inline
export function exp4At(x: v128, c: usize): v128 {
  const isTiny = f32x4.lt(x, v128.load(c, 32));
  // pmin and pmax, with x first, let NaN through and are one instruction each.
  const bounded = f32x4.pmin(f32x4.pmax(x, v128.load(c, 32)), v128.load(c, 64));
  // Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits.
  const shifted = madd(bounded, v128.load(c, 96), v128.load(c, 384));
  const z = f32x4.sub(shifted, v128.load(c, 384));
  let r = madd(z, v128.load(c, 128), bounded);
  r = madd(z, v128.load(c, 160), r);
  let y = madd(v128.load(c, 192), r, v128.load(c, 224));
  y = madd(y, r, v128.load(c, 256));
  y = madd(y, r, v128.load(c, 288));
  y = madd(y, r, v128.load(c, 320));
  y = madd(y, r, v128.load(c, 352));
  y = f32x4.add(madd(f32x4.mul(r, r), y, r), v128.load(c, 416));
  y = i32x4.add(y, i32x4.shl(shifted, 23));
  return v128.andnot(y, isTiny);
}

// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** a * b + c in double precision, fused where the module is compiled for relaxed SIMD. */
// @ts-ignore: decorator
@inline
function maddPair(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(f64x2.mul(a, b), c);
}

/**
 * e^x in two lanes of double precision for x <= 0, relative error below 1e-12: as exp4, with the series up to r¹⁰/10!.
 * 1 at 0, 0 below -708, NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function expPair(x: v128): v128 {
  const c = constants;
  const isTiny = f64x2.lt(x, v128.load(c, 448));
  const bounded = f64x2.pmax(x, v128.load(c, 448));
  const shifted = maddPair(bounded, v128.load(c, 464), v128.load(c, 480));
  const z = f64x2.sub(shifted, v128.load(c, 480));
  let r = maddPair(z, v128.load(c, 496), bounded);
  r = maddPair(z, v128.load(c, 512), r);
  let y = maddPair(v128.load(c, 528), r, v128.load(c, 544));
  y = maddPair(y, r, v128.load(c, 560));
  y = maddPair(y, r, v128.load(c, 576));
  y = maddPair(y, r, v128.load(c, 592));
  y = maddPair(y, r, v128.load(c, 608));
  y = maddPair(y, r, v128.load(c, 624));
  y = maddPair(y, r, v128.load(c, 640));
  y = maddPair(y, r, v128.load(c, 656));
  y = maddPair(y, r, v128.load(c, 672));
  y = maddPair(y, r, v128.load(c, 688));
  y = i64x2.add(y, i64x2.shl(shifted, 52));
  return v128.andnot(y, isTiny);
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

/**
 * ln x in four lanes for positive normal finite x, within 1e-7 of it or of 1: x = m·2^e with m from √½ to √2, ln m by a
 * polynomial (coefficients of the Cephes library's logf). Other x give anything.
 */
export function log4(x: v128): v128 {
  // The exponent of x / √½, rounded down.
  const exponent = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f3504f3)), 23);
  const e = f32x4.convert_i32x4_s(exponent);
  const f = f32x4.sub(i32x4.sub(x, i32x4.shl(exponent, 23)), f32x4.splat(1));
  const square = f32x4.mul(f, f);
  let y = madd(f, f32x4.splat(7.0376836292e-2), f32x4.splat(-1.151461031e-1));
  y = madd(y, f, f32x4.splat(1.167699874e-1));
  y = madd(y, f, f32x4.splat(-1.2420140846e-1));
  y = madd(y, f, f32x4.splat(1.4249322787e-1));
  y = madd(y, f, f32x4.splat(-1.6668057665e-1));
  y = madd(y, f, f32x4.splat(2.0000714765e-1));
  y = madd(y, f, f32x4.splat(-2.4999993993e-1));
  y = madd(y, f, f32x4.splat(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, f), square);
  y = madd(e, f32x4.splat(-2.12194440e-4), y);
  y = madd(square, f32x4.splat(-0.5), y);
  return madd(e, f32x4.splat(0.693359375), f32x4.add(f, y));
}
