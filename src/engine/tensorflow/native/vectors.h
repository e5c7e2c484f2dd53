// Vectors as wide as the processor has them, and the exponential. Loops over single values are left to the compiler, which
// makes vectors of them where `omp simd` says that the order of a sum is free.
#pragma once
#include <cstdint>
#include <cstring>

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

}  // namespace fourfold
