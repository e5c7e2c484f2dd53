// Matrices copied into the order in which tiles of a product read them.
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

/** Floats of a line of the caches. */
constexpr int64_t CACHE_LINE = 16;

/** Rows of a tile at most: 12x2 vectors of sums are in the 32 registers of AVX-512 and NEON, 6x2 in the 16 of AVX. */
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int TILE_ROWS = 12;
#else
constexpr int TILE_ROWS = 6;
#endif

/** Columns of a packed panel. */
constexpr int64_t panelWidth() { return 2 * LANES; }

/** Floats that a packed [k, n] takes. */
int64_t packedSize(int64_t k, int64_t n);

/** A matrix to be packed. */
struct Packing {
  int64_t k, n;
  Matrix b;
  float* to;
};

/** b [k, n] in panels of `panelWidth` columns, each row by row; the last filled up with zeros. */
void pack(int64_t count, const Packing* packings);
/** One panel of it. */
void packPanel(int64_t k, int64_t columns, Matrix b, float* to);

/** A packed panel [k, columns], k by k, back to columns that lie `step` apart, whose values lie side by side. */
void unpackPanel(int64_t k, int64_t columns, const float* panel, float* to, int64_t step);

/** Floats from one tile's values to the next one's where `depth` rows are gathered. */
constexpr int64_t gatheredStep(int64_t depth) { return TILE_ROWS * depth + LANES; }
/** `count` values that lie side by side in each of `depth` rows: for each tile of TILE_ROWS of them, row after row. */
void gather(const float* from, int64_t step, int64_t count, int64_t depth, float* to);

}  // namespace fourfold
