// Vectors as wide as the processor has them, and the exponential. Loops over single values are left to the compiler, which
// makes vectors of them where `omp simd` says that the order of a sum is free.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace fourfold {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Loose*>(to) = value; }
// Minus zero, which leaves every value as it is; plus zero would not.
inline Vector splat(float value) { return value - Vector{}; }

/** 0, 1, 2, .. */
inline Vector numbers() {
  Vector value;
  for (int lane = 0; lane < LANES; lane++) value[lane] = static_cast<float>(lane);
  return value;
}

/**
 * e^x = 2^n · e^r with n = round(x / ln 2) and |r| <= ln(2)/2, e^r by its Taylor series to r^7, whose rest is below 6e-9;
 * ln 2 in two parts (Cody and Waite 1980). Results that would underflow are the smallest normal number.
 */
inline float exponential(float x) {
  x = x < -87.33f ? -87.33f : x;
  x = x > 88.37f ? 88.37f : x;
  const float n = __builtin_rintf(x * 1.44269504f);
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, 4);
  return p * scale;
}

/** 1 / (1 + e^-x) */
inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

typedef int32_t IntVector __attribute__((vector_size(LANES * 4)));

/** Adding 1.5·2²³ rounds, and leaves the whole number in the lowest bits. */
constexpr float ROUND = 12582912.0f;

/** p·2^n @param shifted n + ROUND */
inline Vector timesPower(Vector p, Vector shifted) {
  IntVector bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127 << 23);
  Vector scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

/** The same of a whole vector. */
inline Vector exponential(Vector x) {
  x = x < -87.33f ? splat(-87.33f) : x;
  x = x > 88.37f ? splat(88.37f) : x;
  const Vector shifted = x * 1.44269504f + ROUND;
  const Vector n = shifted - ROUND;
  Vector r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Vector p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return timesPower(p, shifted);
}

/** 2^x for -126 <= x < 128: 2^n · e^(f·ln 2) with n = round(x) and |f| <= 1/2, by the same series. Elsewhere anything. */
inline Vector powerOfTwo(Vector x) {
  const Vector shifted = x + ROUND;
  const Vector f = x - (shifted - ROUND);
  Vector p = splat(1.52527338e-5f);
  p = p * f + 1.54035304e-4f;
  p = p * f + 1.33335581e-3f;
  p = p * f + 9.61812911e-3f;
  p = p * f + 5.55041087e-2f;
  p = p * f + 2.40226507e-1f;
  p = p * f + 6.93147181e-1f;
  p = p * f + 1.0f;
  return timesPower(p, shifted);
}

/**
 * ln x of positive normal numbers: x = 2^n · m with m from √½ to √2, and ln m = 2·artanh s with s = (m - 1) / (m + 1), whose
 * series to s⁹ leaves less than 1e-9.
 */
inline Vector logarithm(Vector x) {
  IntVector bits;
  std::memcpy(&bits, &x, sizeof bits);
  // What is above √2 belongs to the next power.
  const IntVector n = (bits - 0x3f3504f3) >> 23;
  bits -= n << 23;
  Vector m;
  std::memcpy(&m, &bits, sizeof m);
  const Vector s = (m - 1.0f) / (m + 1.0f), square = s * s;
  Vector p = splat(2.0f / 9);
  p = p * square + 2.0f / 7;
  p = p * square + 2.0f / 5;
  p = p * square + 2.0f / 3;
  p = p * square + 2.0f;
  const Vector power = __builtin_convertvector(n, Vector);
  return power * 0.693359375f + (p * s - power * 2.12194440e-4f);
}

inline float sumOf(Vector x) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)x);
#else
  float sum = x[0];
  for (int lane = 1; lane < LANES; lane++) sum += x[lane];
  return sum;
#endif
}

inline float largestOf(Vector x) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps((__m512)x);
#else
  float top = x[0];
  for (int lane = 1; lane < LANES; lane++) top = x[lane] > top ? x[lane] : top;
  return top;
#endif
}

/** The first `count` lanes of a vector, fewer than all; the others are zero where loaded and untouched where stored. */
inline Vector loadSome(const float* from, int64_t count) {
#if defined(__AVX512F__)
  return (Vector)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
#else
  Vector value = {};
  for (int64_t lane = 0; lane < count; lane++) value[lane] = from[lane];
  return value;
#endif
}

inline void storeSome(float* to, Vector value, int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), (__m512)value);
#else
  for (int64_t lane = 0; lane < count; lane++) to[lane] = value[lane];
#endif
}

/** Σ of term(i), in 2·LANES sums side by side, which are added up in the end. */
template <typename Term>
inline float sumOf(int64_t count, const Term& term) {
  float sums[2 * LANES] = {};
  int64_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES)
    for (int lane = 0; lane < 2 * LANES; lane++) sums[lane] += term(i + lane);
  for (int lane = 0; i < count; i++, lane++) sums[lane] += term(i);
  for (int half = LANES; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
  return sums[0];
}

inline float largestOf(int64_t count, const float* x) {
  float tops[2 * LANES];
  for (float& top : tops) top = x[0];
  int64_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES)
    for (int lane = 0; lane < 2 * LANES; lane++) tops[lane] = x[i + lane] > tops[lane] ? x[i + lane] : tops[lane];
  for (; i < count; i++) tops[0] = x[i] > tops[0] ? x[i] : tops[0];
  for (int half = LANES; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++)
      tops[lane] = tops[lane + half] > tops[lane] ? tops[lane + half] : tops[lane];
  return tops[0];
}

}  // namespace fourfold
