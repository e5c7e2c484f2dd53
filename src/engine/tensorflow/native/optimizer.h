// What an optimiser's step needs.
#pragma once
#include <cstdint>
#include <vector>

namespace fourfold {

/** A tensor to be trained, with its moments and gradient; `keep` is what decay leaves of its values. */
struct Parameter {
  float *value, *m, *v;
  const float* gradient;
  int64_t size;
  float keep;
};

struct AdamW {
  float beta1, beta2, epsilon, rate, rootScale, scale;
};

/**
 * With g = scale·gradient: m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; value = keep·value - rate·m / (rootScale·sqrt(v) + ε), all
 * in place. The threads share out the values of all parameters, without regard to where one ends and the next begins.
 */
void adamW(const std::vector<Parameter>& parameters, const AdamW& settings);

double sumOfSquares(int64_t size, const float* x);

}  // namespace fourfold
