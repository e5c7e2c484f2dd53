#include "optimizer.h"

#include <algorithm>

#include "pool.h"
#include "vectors.h"

namespace fourfold {
namespace {

/** Nanoseconds that a value takes on one thread, roughly. */
constexpr double UPDATE = 0.6;

/** The values from .. end - 1 of one parameter. */
void update(const Parameter& parameter, const AdamW& settings, int64_t from, int64_t end) {
  const auto [beta1, beta2, epsilon, rate, rootScale, scale] = settings;
  const auto [value, m, v, gradient, size, keep] = parameter;
#pragma omp simd
  for (int64_t i = from; i < end; i++) {
    const float g = scale * gradient[i];
    const float first = beta1 * m[i] + (1.0f - beta1) * g;
    const float second = beta2 * v[i] + (1.0f - beta2) * (g * g);
    m[i] = first;
    v[i] = second;
    value[i] = keep * value[i] - rate * first / (rootScale * __builtin_sqrtf(second) + epsilon);
  }
}

}  // namespace

void adamW(const std::vector<Parameter>& parameters, const AdamW& settings) {
  // Where each parameter ends when all values are counted through.
  std::vector<int64_t> ends;
  int64_t total = 0;
  for (const Parameter& parameter : parameters) ends.push_back(total += parameter.size);
  inParts(total, UPDATE, [&](int64_t from, int64_t end) {
    size_t at = std::upper_bound(ends.begin(), ends.end(), from) - ends.begin();
    for (; from < end; at++) {
      const int64_t first = ends[at] - parameters[at].size, stop = std::min(end, ends[at]);
      update(parameters[at], settings, from - first, stop - first);
      from = stop;
    }
  });
}

double sumOfSquares(int64_t size, const float* x) {
  // Parts of one size whatever the number of threads, added up in their order.
  constexpr int64_t PART = 1 << 16;
  const int64_t parts = (size + PART - 1) / PART;
  double* sums = reinterpret_cast<double*>(sharedScratch(1, 2 * parts + 2));
  inPieces(parts, [=](int64_t part) {
    double own = 0;
    for (int64_t from = part * PART, end = std::min(size, from + PART); from < end; from += 1024)
      own += sumOf(std::min<int64_t>(end - from, 1024), [=](int64_t i) { return x[from + i] * x[from + i]; });
    sums[part] = own;
  });
  double sum = 0;
  for (int64_t part = 0; part < parts; part++) sum += sums[part];
  return sum;
}

}  // namespace fourfold
