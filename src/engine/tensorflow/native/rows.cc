#include "rows.h"

#include <algorithm>
#include <cmath>

#include "pool.h"
#include "vectors.h"

namespace fourfold {
namespace {

/** Nanoseconds a value takes on one thread, roughly: to read and write, with an exponential, with two. */
constexpr double PLAIN = 0.3, CURVED = 0.6, STEEP = 1.0;
/** Columns that one piece of a sum over rows has. */
constexpr int64_t COLUMNS = 64;

/** sums[column] = Σ of term(row, column), whose rows come in ascending order. */
template <typename Term>
void overRows(int64_t rows, int64_t width, float* sums, const Term& term) {
  const auto block = [&](int64_t part) {
    const int64_t from = part * COLUMNS, count = std::min(COLUMNS, width - from);
    float own[COLUMNS] = {};
    for (int64_t row = 0; row < rows; row++)
#pragma omp simd
      for (int64_t i = 0; i < count; i++) own[i] += term(row, from + i);
    std::copy(own, own + count, sums + from);
  };
  const int64_t parts = (width + COLUMNS - 1) / COLUMNS;
  if (rows * width < 100000)
    for (int64_t part = 0; part < parts; part++) block(part);
  else
    inPieces(parts, block);
}

}  // namespace

void rmsNorm(int64_t rows, int64_t width, const float* x, const float* gain, float epsilon, float* y, float* scales) {
  inParts(rows, PLAIN * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float* own = x + row * width;
      float* to = y + row * width;
      const float squares = sumOf(width, [=](int64_t i) { return own[i] * own[i]; });
      const float scale = 1.0f / std::sqrt(squares / width + epsilon);
      scales[row] = scale;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = own[i] * scale * gain[i];
    }
  });
}

// With r the scale of a row: dx = r·(dy∘g) - x·r³·mean(dy∘g∘x)
void rmsNormGradient(int64_t rows, int64_t width, const float* x, const float* gain, const float* scales,
                     const float* dy, float* dx, const float* plus) {
  inParts(rows, PLAIN * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float *own = x + row * width, *slope = dy + row * width;
      float* to = dx + row * width;
      const float inner = sumOf(width, [=](int64_t i) { return slope[i] * gain[i] * own[i]; });
      const float scale = scales[row];
      const float back = inner / width * (scale * (scale * scale));
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = slope[i] * gain[i] * scale - own[i] * back;
      if (plus == nullptr) continue;
      const float* more = plus + row * width;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] += more[i];
    }
  });
}

void gainGradient(int64_t rows, int64_t width, const float* x, const float* means, const float* scales,
                  const float* dy, float* dGain) {
  if (means == nullptr) {
    overRows(rows, width, dGain,
             [=](int64_t row, int64_t i) { return scales[row] * dy[row * width + i] * x[row * width + i]; });
    return;
  }
  overRows(rows, width, dGain, [=](int64_t row, int64_t i) {
    return scales[row] * dy[row * width + i] * (x[row * width + i] - means[row]);
  });
}

void layerNorm(int64_t rows, int64_t width, const float* x, const float* gain, const float* bias, float epsilon,
               float* y, float* means, float* scales) {
  inParts(rows, PLAIN * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float* own = x + row * width;
      float* to = y + row * width;
      const float mean = sumOf(width, [=](int64_t i) { return own[i]; }) / width;
      const float squares = sumOf(width, [=](int64_t i) { return (own[i] - mean) * (own[i] - mean); });
      const float scale = 1.0f / std::sqrt(squares / width + epsilon);
      means[row] = mean;
      scales[row] = scale;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = (own[i] - mean) * scale * gain[i] + bias[i];
    }
  });
}

// With n = (x - mean)·r and d = dy∘g: dx = r·(d - mean(d) - n·mean(d∘n))
void layerNormGradient(int64_t rows, int64_t width, const float* x, const float* gain, const float* means,
                       const float* scales, const float* dy, float* dx) {
  inParts(rows, PLAIN * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float *own = x + row * width, *slope = dy + row * width;
      float* to = dx + row * width;
      const float mean = means[row], scale = scales[row];
      const float sum = sumOf(width, [=](int64_t i) { return slope[i] * gain[i]; });
      const float inner = sumOf(width, [=](int64_t i) { return slope[i] * gain[i] * (own[i] - mean); });
      const float level = sum / width, tilt = inner * scale * scale / width;
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = scale * (slope[i] * gain[i] - level - (own[i] - mean) * tilt);
    }
  });
}

void sumRows(int64_t rows, int64_t width, const float* x, float* sums) {
  overRows(rows, width, sums, [=](int64_t row, int64_t i) { return x[row * width + i]; });
}

namespace {

/** Turns the heads of one row; HALF is half of a head's dims, 0 where that is none of those that have a loop of their own. */
template <int HALF>
void turnRow(int64_t heads, int64_t dims, const float* x, const float* cos, const float* sin, float sign, float* y) {
  const int64_t half = HALF > 0 ? HALF : dims / 2;
  for (int64_t head = 0; head < heads; head++, x += 2 * half, y += 2 * half)
#pragma omp simd
    for (int64_t i = 0; i < half; i++) {
      const float first = x[i], second = x[i + half], turn = sign * sin[i];
      y[i] = first * cos[i] - second * turn;
      y[i + half] = second * cos[i] + first * turn;
    }
}

}  // namespace

void rotary(int64_t rows, int64_t heads, int64_t dims, const float* x, const int32_t* positions, const float* cos,
            const float* sin, float sign, float* y) {
  const int64_t half = dims / 2;
  const auto turn = half == 4 ? turnRow<4> : half == 8 ? turnRow<8> : turnRow<0>;
  inParts(rows, PLAIN * heads * dims, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const int64_t place = row * heads * dims, angle = positions[row] * half;
      turn(heads, dims, x + place, cos + angle, sin + angle, sign, y + place);
    }
  });
}

void swiglu(int64_t size, const float* gate, const float* up, float* y) {
  inParts(size, CURVED, [=](int64_t from, int64_t end) {
#pragma omp simd
    for (int64_t i = from; i < end; i++) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
  });
}

// With s = σ(gate): dUp = dy∘gate∘s and dGate = dy∘up∘s∘(1 + gate∘(1 - s))
void swigluGradient(int64_t size, const float* gate, const float* up, const float* dy, float* dGate, float* dUp) {
  inParts(size, CURVED, [=](int64_t from, int64_t end) {
#pragma omp simd
    for (int64_t i = from; i < end; i++) {
      const float s = sigmoid(gate[i]);
      dUp[i] = dy[i] * (gate[i] * s);
      dGate[i] = dy[i] * up[i] * (s * (1.0f + gate[i] * (1.0f - s)));
    }
  });
}

namespace {

constexpr float ROOT_HALF = 0.70710678f, ROOT_2_OVER_PI = 0.79788456f, CUBIC = 0.044715f;

/** tanh x = 1 - 2 / (e^2x + 1); near 0 its series x - x³/3 + 2x⁵/15, where the difference would lose digits. */
inline float tanhOf(float x) {
  const float square = x * x;
  const float series = x * (1.0f + square * (-1.0f / 3 + square * (2.0f / 15 - square * (17.0f / 315))));
  const float curve = 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
  return square < 0.04f ? series : curve;
}

/** Φ(x), from erf by Abramowitz and Stegun (1964), 7.1.26, whose error is below 1.5e-7, with e^(-x²/2) given. */
inline float normal(float x, float bell) {
  const float z = std::fabs(x) * ROOT_HALF;
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  const float tail =
      0.5f * bell * t *
      (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return x < 0 ? tail : 1.0f - tail;
}

}  // namespace

void gelu(int64_t size, bool isTanh, const float* x, float* y) {
  inParts(size, STEEP, [=](int64_t from, int64_t end) {
    if (isTanh) {
#pragma omp simd
      for (int64_t i = from; i < end; i++)
        y[i] = 0.5f * x[i] * (1.0f + tanhOf(ROOT_2_OVER_PI * (x[i] + CUBIC * x[i] * x[i] * x[i])));
    } else {
#pragma omp simd
      for (int64_t i = from; i < end; i++) y[i] = x[i] * normal(x[i], exponential(-0.5f * x[i] * x[i]));
    }
  });
}

// d/dx x·Φ(x) = Φ(x) + x·φ(x); with t = tanh u: (1 + t)/2 + x/2·(1 - t²)·du/dx
void geluGradient(int64_t size, bool isTanh, const float* x, const float* dy, float* dx) {
  inParts(size, STEEP, [=](int64_t from, int64_t end) {
    if (isTanh) {
#pragma omp simd
      for (int64_t i = from; i < end; i++) {
        const float square = x[i] * x[i];
        const float t = tanhOf(ROOT_2_OVER_PI * (x[i] + CUBIC * square * x[i]));
        const float inner = ROOT_2_OVER_PI * (1.0f + 3.0f * CUBIC * square);
        dx[i] = dy[i] * (0.5f * (1.0f + t) + 0.5f * x[i] * (1.0f - t * t) * inner);
      }
    } else {
#pragma omp simd
      for (int64_t i = from; i < end; i++) {
        const float bell = exponential(-0.5f * x[i] * x[i]);
        dx[i] = dy[i] * (normal(x[i], bell) + x[i] * bell * 0.39894228f);
      }
    }
  });
}

void softmax(int64_t rows, int64_t width, const float* x, float* y) {
  inParts(rows, STEEP * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float* own = x + row * width;
      float* to = y + row * width;
      const float top = largestOf(width, own);
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = exponential(own[i] - top);
      const float factor = 1.0f / sumOf(width, [=](int64_t i) { return to[i]; });
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] *= factor;
    }
  });
}

// dx = (dy - Σ dy∘y)∘y
void softmaxGradient(int64_t rows, int64_t width, const float* y, const float* dy, float* dx) {
  inParts(rows, PLAIN * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float *own = y + row * width, *slope = dy + row * width;
      float* to = dx + row * width;
      const float inner = sumOf(width, [=](int64_t i) { return slope[i] * own[i]; });
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = (slope[i] - inner) * own[i];
    }
  });
}

void logSoftmax(int64_t rows, int64_t width, const float* x, float* y) {
  inParts(rows, CURVED * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float* own = x + row * width;
      float* to = y + row * width;
      const float top = largestOf(width, own);
      const float logSum = std::log(sumOf(width, [=](int64_t i) { return exponential(own[i] - top); }));
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = own[i] - top - logSum;
    }
  });
}

// dx = dy - exp(y)·Σ dy
void logSoftmaxGradient(int64_t rows, int64_t width, const float* y, const float* dy, float* dx) {
  inParts(rows, CURVED * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const float *own = y + row * width, *slope = dy + row * width;
      float* to = dx + row * width;
      const float sum = sumOf(width, [=](int64_t i) { return slope[i]; });
#pragma omp simd
      for (int64_t i = 0; i < width; i++) to[i] = slope[i] - exponential(own[i]) * sum;
    }
  });
}

void add(int64_t size, const float* a, const float* b, float* sum) {
  inParts(size, PLAIN, [=](int64_t from, int64_t end) {
#pragma omp simd
    for (int64_t i = from; i < end; i++) sum[i] = a[i] + b[i];
  });
}

void gatherRows(int64_t count, int64_t width, const float* table, const int32_t* ids, float* y, int64_t first) {
  inParts(count, PLAIN * width, [=](int64_t from, int64_t end) {
    for (int64_t i = from; i < end; i++) {
      const float* own = table + (ids[i] - first) * width;
      std::copy(own, own + width, y + i * width);
    }
  });
}

void scatterRows(int64_t count, int64_t width, int64_t size, const float* rows, const int32_t* ids, float* table,
                 int64_t first) {
  inParts(size, PLAIN * width,
          [=](int64_t from, int64_t end) { std::fill(table + from * width, table + end * width, 0.0f); });
  for (int64_t i = 0; i < count; i++) {
    const float* own = rows + i * width;
    float* to = table + (ids[i] - first) * width;
#pragma omp simd
    for (int64_t j = 0; j < width; j++) to[j] += own[j];
  }
}

void copy(int64_t size, const float* x, float* y) {
  inParts(size, PLAIN, [=](int64_t from, int64_t end) { std::copy(x + from, x + end, y + from); });
}

}  // namespace fourfold
