// Matrix products. Every element is one chain of multiply-adds along k in ascending order, whatever tile it falls in.
#pragma once
#include <cstdint>

namespace fourfold {

/** A matrix by the distances, in floats, of its rows and columns; one of them is 1. */
struct Matrix {
  const float* at;
  int64_t row;
  int64_t column;
};

/** Columns of a packed panel. */
int64_t panelWidth();

/** Floats that a packed [k, n] takes. */
int64_t packedSize(int64_t k, int64_t n);

/** b [k, n] in panels of `panelWidth` columns, each row by row; the last filled up with zeros. */
void pack(int64_t k, int64_t n, Matrix b, float* to);
/** One panel of it, from row `from` on. */
void packPanel(int64_t k, int64_t columns, Matrix b, float* to);

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
  /** [n], added to each row, or null. */
  const float* bias = nullptr;
};

/** to = a [m, k] · b [k, n] + bias, on all threads. */
void multiply(const Product& product);

/**
 * Rows of a times one panel, on the calling thread. Panel rows lie `panelStep` apart and must be readable to their full width.
 * @param columns how many of the panel's are written
 */
void multiplyPanel(int64_t rows, int64_t k, Matrix a, const float* panel, int64_t panelStep, int64_t columns, float* to,
                   int64_t step, bool accumulates);

}  // namespace fourfold
