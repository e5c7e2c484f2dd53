#include "packing.h"

#include <algorithm>

#include "pool.h"

namespace fourfold {
namespace {

constexpr int WIDTH = panelWidth();
/** Rows that lie too far apart for the processor to foresee are fetched so many before they are read. */
constexpr int64_t AHEAD = 16;
/** Rows of panels that are packed as one piece. */
constexpr int64_t PIECE_ROWS = 256;

int64_t ceilOf(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** The first `count` values of a vector or, where there are more, all of it; the others are zero. */
inline Vector loadUpTo(const float* from, int64_t count) {
  return count >= LANES ? load(from) : count > 0 ? loadSome(from, count) : Vector{};
}

/** Four of the eight values of a and b. */
template <int A, int B, int C, int D>
inline Four mixed(Four a, Four b) {
#if defined(__clang__) || __GNUC__ >= 12
  return __builtin_shufflevector(a, b, A, B, C, D);
#else
  typedef int Places __attribute__((vector_size(16)));
  return __builtin_shuffle(a, b, Places{A, B, C, D});
#endif
}

/** Four rows of four values turned round. */
inline void turn(const float* from, int64_t step, float* to, int64_t toStep) {
  const Four a = *reinterpret_cast<const Four*>(from);
  const Four b = *reinterpret_cast<const Four*>(from + step);
  const Four c = *reinterpret_cast<const Four*>(from + 2 * step);
  const Four d = *reinterpret_cast<const Four*>(from + 3 * step);
  const Four ab = mixed<0, 4, 1, 5>(a, b);
  const Four cd = mixed<0, 4, 1, 5>(c, d);
  const Four abHigh = mixed<2, 6, 3, 7>(a, b);
  const Four cdHigh = mixed<2, 6, 3, 7>(c, d);
  *reinterpret_cast<Four*>(to) = mixed<0, 1, 4, 5>(ab, cd);
  *reinterpret_cast<Four*>(to + toStep) = mixed<2, 3, 6, 7>(ab, cd);
  *reinterpret_cast<Four*>(to + 2 * toStep) = mixed<0, 1, 4, 5>(abHigh, cdHigh);
  *reinterpret_cast<Four*>(to + 3 * toStep) = mixed<2, 3, 6, 7>(abHigh, cdHigh);
}

}  // namespace

int64_t packedSize(int64_t k, int64_t n) { return ceilOf(n, WIDTH) * WIDTH * k; }

void packPanel(int64_t k, int64_t columns, Matrix b, float* to) {
  if (b.column == 1) {
    for (int64_t p = 0; p < k; p++) {
      const float* from = b.at + p * b.row;
      __builtin_prefetch(from + AHEAD * b.row);
      __builtin_prefetch(from + AHEAD * b.row + columns - 1);
      for (int64_t j = 0; j < WIDTH; j += LANES) store(to + p * WIDTH + j, loadUpTo(from + j, columns - j));
    }
    return;
  }
  if (columns < WIDTH) std::fill(to, to + k * WIDTH, 0.0f);
  const int64_t whole = k / 4 * 4;
  int64_t j = 0;
  for (; j + 4 <= columns; j += 4) {
    const float* from = b.at + j * b.column;
    for (int64_t p = 0; p < whole; p += 4) {
      if (p % CACHE_LINE == 0)
        for (int i = 4; i < 8; i++) __builtin_prefetch(from + i * b.column + p);
      turn(from + p, b.column, to + p * WIDTH + j, WIDTH);
    }
  }
  for (int64_t column = 0; column < columns; column++)
    for (int64_t p = column < j ? whole : 0; p < k; p++) to[p * WIDTH + column] = b.at[column * b.column + p * b.row];
}

void unpackPanel(int64_t k, int64_t columns, const float* panel, float* to, int64_t step) {
  const int64_t whole = k / 4 * 4;
  int64_t j = 0;
  for (; j + 4 <= columns; j += 4)
    for (int64_t p = 0; p < whole; p += 4) turn(panel + p * WIDTH + j, WIDTH, to + j * step + p, step);
  for (int64_t column = 0; column < columns; column++)
    for (int64_t p = column < j ? whole : 0; p < k; p++) to[column * step + p] = panel[p * WIDTH + column];
}

namespace {

/** Rows of all panels of a packed matrix, one after the other. */
int64_t panelRows(const Packing& packing) { return ceilOf(packing.n, WIDTH) * packing.k; }

/** Those rows from .. end. */
void packRows(const Packing& packing, int64_t from, int64_t end) {
  const auto& [k, n, b, to] = packing;
  for (int64_t row = from; row < end;) {
    const int64_t panel = row / k, p = row % k, depth = std::min(k - p, end - row);
    const Matrix part{b.at + panel * WIDTH * b.column + p * b.row, b.row, b.column};
    packPanel(depth, std::min<int64_t>(WIDTH, n - panel * WIDTH), part, to + row * WIDTH);
    row += depth;
  }
}

}  // namespace

void pack(int64_t count, const Packing* packings) {
  const auto piecesOf = [](const Packing& packing) { return ceilOf(panelRows(packing), PIECE_ROWS); };
  int64_t pieces = 0;
  for (int64_t i = 0; i < count; i++) pieces += piecesOf(packings[i]);
  inPieces(pieces, [&](int64_t piece) {
    const Packing* own = packings;
    for (; piece >= piecesOf(*own); own++) piece -= piecesOf(*own);
    packRows(*own, piece * PIECE_ROWS, std::min(panelRows(*own), (piece + 1) * PIECE_ROWS));
  });
}

// Whole vectors are stored; what is too much of one, the next row overwrites.
void gather(const float* from, int64_t step, int64_t count, int64_t depth, float* to) {
  for (int64_t q = 0; q < depth; q++) {
    const float* source = from + q * step;
    for (int64_t i = 0; i < count + CACHE_LINE - 1; i += CACHE_LINE) __builtin_prefetch(source + AHEAD * step + i);
    float* target = to + q * TILE_ROWS;
    for (int64_t top = 0; top < count; top += TILE_ROWS, target += gatheredStep(depth))
      for (int64_t i = 0; i < TILE_ROWS; i += LANES) store(target + i, loadUpTo(source + top + i, count - top - i));
  }
}

}  // namespace fourfold
