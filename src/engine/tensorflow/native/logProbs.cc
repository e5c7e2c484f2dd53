#include "logProbs.h"

#include <algorithm>
#include <cmath>

#include "pool.h"
#include "products.h"
#include "rows.h"
#include "vectors.h"

namespace fourfold {
namespace {

/** Logits, as numbers, that are held at once where they are not kept: 48 MiB. */
constexpr int64_t MOST_LOGITS = 48 << 18;
/** Logits of a row that are read at once. */
constexpr int64_t SOME = 512;

/** logits [rows, vocab] of rows from `first` on, not scaled. */
void logitsOf(const LogProbs& given, int64_t first, int64_t rows, float* logits) {
  const Matrix hidden{given.hidden + first * given.width, given.width, 1};
  multiply({rows, given.vocab, given.width, hidden, {given.weight, 1, given.width}, logits, given.vocab});
}

/** Of rows of logits, the values; and where `turns`, the logits become p - onehot. */
void readRows(const LogProbs& given, int64_t first, int64_t rows, float* logits, float* values, float* entropy,
              bool turns) {
  const int64_t vocab = given.vocab;
  const float scale = given.scale;
  inParts(rows, 1.2 * vocab, [&](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      float* own = logits + row * vocab;
      // The scale is positive.
      const float top = largestOf(vocab, own) * scale;
      // Sums of some values each in single precision, added up in double.
      double sum = 0, weighted = 0;
      const int32_t target = given.targets[first + row];
      const float chosen = own[target] * scale - top;
      for (int64_t start = 0; start < vocab; start += SOME) {
        const int64_t count = std::min(SOME, vocab - start);
        float* some = own + start;
        float weights[SOME];
#pragma omp simd
        for (int64_t i = 0; i < count; i++) weights[i] = exponential(some[i] * scale - top);
        sum += sumOf(count, [&](int64_t i) { return weights[i]; });
        weighted += sumOf(count, [&](int64_t i) { return weights[i] * (some[i] * scale - top); });
        if (turns) std::copy(weights, weights + count, some);
      }
      const double logSum = std::log(sum);
      if (values != nullptr) {
        values[first + row] = static_cast<float>(chosen - logSum);
        entropy[first + row] = static_cast<float>(logSum - weighted / sum);
      }
      if (!turns) continue;
      const float factor = static_cast<float>(1.0 / sum);
#pragma omp simd
      for (int64_t i = 0; i < vocab; i++) own[i] *= factor;
      own[target] -= 1.0f;
    }
  });
}

/** Gradients of some rows from their slopes D = p - onehot: dHidden = f·(D·W), dWeight (+)= Dᵀ·(f∘hidden). */
void gradientsOf(const LogProbs& given, int64_t first, int64_t rows, const float* slopes, const float* factors,
                 float* dHidden, float* dWeight) {
  const int64_t width = given.width, vocab = given.vocab;
  if (dHidden != nullptr) {
    float* to = dHidden + first * width;
    multiply({rows, width, vocab, {slopes, vocab, 1}, {given.weight, width, 1}, to, width});
    inParts(rows, 0.3 * width, [=](int64_t from, int64_t end) {
      for (int64_t row = from; row < end; row++)
#pragma omp simd
        for (int64_t i = 0; i < width; i++) to[row * width + i] *= factors[row];
    });
  }
  if (dWeight == nullptr) return;
  float* weighted = sharedScratch(2, rows * width);
  const float* hidden = given.hidden + first * width;
  inParts(rows, 0.3 * width, [=](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++)
#pragma omp simd
      for (int64_t i = 0; i < width; i++) weighted[row * width + i] = hidden[row * width + i] * factors[row];
  });
  Product product{vocab, width, rows, {slopes, 1, vocab}, {weighted, width, 1}, dWeight, width};
  product.accumulates = first > 0;
  multiply(product);
}

}  // namespace

int64_t rowsAtOnce(const LogProbs& given) {
  const int64_t fitting = std::max<int64_t>(1, MOST_LOGITS / std::max<int64_t>(1, given.vocab));
  if (given.n <= fitting) return std::max<int64_t>(1, given.n);
  const int64_t blocks = (given.n + fitting - 1) / fitting;
  return (given.n + blocks - 1) / blocks;
}

void logProbs(const LogProbs& given, float* values, float* entropy, float* kept) {
  const int64_t most = kept != nullptr ? std::max<int64_t>(1, given.n) : rowsAtOnce(given);
  for (int64_t first = 0; first < given.n; first += most) {
    const int64_t rows = std::min(most, given.n - first);
    float* logits = kept != nullptr ? kept : sharedScratch(3, rows * given.vocab);
    logitsOf(given, first, rows, logits);
    readRows(given, first, rows, logits, values, entropy, kept != nullptr);
  }
}

void logProbsWithGradient(const LogProbs& given, float dy, float* values, float* entropy, float* dHidden,
                          float* dWeight) {
  const int64_t most = rowsAtOnce(given);
  float* factors = sharedScratch(4, most);
  std::fill(factors, factors + most, -dy * given.scale);
  for (int64_t first = 0; first < given.n; first += most) {
    const int64_t rows = std::min(most, given.n - first);
    float* logits = sharedScratch(3, rows * given.vocab);
    logitsOf(given, first, rows, logits);
    readRows(given, first, rows, logits, values, entropy, true);
    gradientsOf(given, first, rows, logits, factors, dHidden, dWeight);
  }
}

void logProbsGradient(const LogProbs& given, const float* kept, const float* dy, float* dHidden, float* dWeight) {
  const int64_t most = kept != nullptr ? std::max<int64_t>(1, given.n) : rowsAtOnce(given);
  float* factors = sharedScratch(4, most);
  for (int64_t first = 0; first < given.n; first += most) {
    const int64_t rows = std::min(most, given.n - first);
    for (int64_t i = 0; i < rows; i++) factors[i] = -dy[first + i] * given.scale;
    if (kept != nullptr) {
      gradientsOf(given, first, rows, kept, factors, dHidden, dWeight);
      continue;
    }
    float* logits = sharedScratch(3, rows * given.vocab);
    logitsOf(given, first, rows, logits);
    readRows(given, first, rows, logits, nullptr, nullptr, true);
    gradientsOf(given, first, rows, logits, factors, dHidden, dWeight);
  }
}

}  // namespace fourfold
