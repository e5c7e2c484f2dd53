// Matrix products. Every element is one chain of multiply-adds along k in ascending order, whatever tile it falls in.
#pragma once
#include <cstdint>

#include "packing.h"

namespace fourfold {

struct Product {
  int64_t m;
  int64_t n;
  int64_t k;
  Matrix a;
  Matrix b;
  float* to;
  /** Distance of the rows of `to`. */
  int64_t step;
  bool accumulates = false;
  /** What the product is added to: [m, n] with rows `baseStep` apart, a bias where that is 0; nothing where null. */
  const float* base = nullptr;
  int64_t baseStep = 0;
  /** b by `pack`, where it has been packed already. */
  const float* packed = nullptr;
};

/** to = base + a [m, k] · b [k, n], on all threads. */
void multiply(const Product& product);

/** Products of packed matrices that do not need each other, as one operation. */
void multiplyAll(int64_t count, const Product* products);

/**
 * Rows of a times one panel, on the calling thread. Panel rows lie `panelStep` apart and must be readable to their full width.
 * @param columns how many of the panel's are written
 */
void multiplyPanel(int64_t rows, int64_t k, Matrix a, const float* panel, int64_t panelStep, int64_t columns, float* to,
                   int64_t step, bool accumulates);

}  // namespace fourfold
