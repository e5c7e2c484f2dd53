// Operations over rows and single values. Pointers are to float32 unless said otherwise; matrices are row by row.
#pragma once
#include <cstdint>

namespace fourfold {

/** y = x / sqrt(mean(x²) + ε) · gain; scales [rows] are the reciprocal roots (Zhang and Sennrich 2019, equation 4). */
void rmsNorm(int64_t rows, int64_t width, const float* x, const float* gain, float epsilon, float* y, float* scales);
/** @param plus added to it, or null */
void rmsNormGradient(int64_t rows, int64_t width, const float* x, const float* gain, const float* scales,
                     const float* dy, float* dx, const float* plus = nullptr);
/** dGain = Σ over rows of dy∘(x - mean)·scale; means may be null for zeros. */
void gainGradient(int64_t rows, int64_t width, const float* x, const float* means, const float* scales,
                  const float* dy, float* dGain);

/** y = (x - mean(x)) / sqrt(var(x) + ε) · gain + bias (Ba et al. 2016, equation 4). */
void layerNorm(int64_t rows, int64_t width, const float* x, const float* gain, const float* bias, float epsilon,
               float* y, float* means, float* scales);
void layerNormGradient(int64_t rows, int64_t width, const float* x, const float* gain, const float* means,
                       const float* scales, const float* dy, float* dx);

/** Σ over rows. */
void sumRows(int64_t rows, int64_t width, const float* x, float* sums);

/** Pairs (i, i + dims/2) turned by the angles of their positions (Su et al. 2021, equation 34); sign -1 turns back. */
void rotary(int64_t rows, int64_t heads, int64_t dims, const float* x, const int32_t* positions, const float* cos,
            const float* sin, float sign, float* y);

/** gate·σ(gate)·up (Shazeer 2020, equation 6) */
void swiglu(int64_t size, const float* gate, const float* up, float* y);
void swigluGradient(int64_t size, const float* gate, const float* up, const float* dy, float* dGate, float* dUp);

/** x·Φ(x), or its approximation by tanh (Hendrycks and Gimpel 2016). */
void gelu(int64_t size, bool isTanh, const float* x, float* y);
void geluGradient(int64_t size, bool isTanh, const float* x, const float* dy, float* dx);

void softmax(int64_t rows, int64_t width, const float* x, float* y);
void softmaxGradient(int64_t rows, int64_t width, const float* y, const float* dy, float* dx);
void logSoftmax(int64_t rows, int64_t width, const float* x, float* y);
void logSoftmaxGradient(int64_t rows, int64_t width, const float* y, const float* dy, float* dx);

void add(int64_t size, const float* a, const float* b, float* sum);

/** @param first the number of the table's first row */
void gatherRows(int64_t count, int64_t width, const float* table, const int32_t* ids, float* y, int64_t first = 0);
/** table = 0, then table[id - first] += row, in the order of the rows. */
void scatterRows(int64_t count, int64_t width, int64_t size, const float* rows, const int32_t* ids, float* table,
                 int64_t first = 0);

void copy(int64_t size, const float* x, float* y);

}  // namespace fourfold
