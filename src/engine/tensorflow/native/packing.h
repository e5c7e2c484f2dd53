// Matrices copied into panels, the order in which tiles of a product read them.
#pragma once
#include <cstdint>

#include "vectors.h"

namespace fourfold {

/** A matrix by the distances, in floats, of its rows and columns; one of them is 1. */
struct Matrix {
  const float* at;
  int64_t row;
  int64_t column;
};

/** Columns of a packed panel. */
constexpr int64_t panelWidth() { return 2 * LANES; }

/** Floats that a packed [k, n] takes. */
int64_t packedSize(int64_t k, int64_t n);

/** b [k, n] in panels of `panelWidth` columns, each row by row; the last filled up with zeros. */
void pack(int64_t k, int64_t n, Matrix b, float* to);
/** One panel of it. */
void packPanel(int64_t k, int64_t columns, Matrix b, float* to);

}  // namespace fourfold
