#include "packing.h"

#include <algorithm>

#include "pool.h"

namespace fourfold {
namespace {

constexpr int WIDTH = panelWidth();
/** Rows that lie too far apart for the processor to foresee are fetched so many before they are read. */
constexpr int64_t AHEAD = 16;

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
      std::copy(b.at + p * b.row, b.at + p * b.row + columns, to + p * WIDTH);
      std::fill(to + p * WIDTH + columns, to + (p + 1) * WIDTH, 0.0f);
    }
    return;
  }
  const int64_t whole = k / 4 * 4;
  int64_t j = 0;
  for (; j + 4 <= columns; j += 4)
    for (int64_t p = 0; p < whole; p += 4) turn(b.at + j * b.column + p, b.column, to + p * WIDTH + j, WIDTH);
  for (int64_t column = 0; column < WIDTH; column++) {
    for (int64_t p = column < j ? whole : 0; p < k; p++)
      to[p * WIDTH + column] = column < columns ? b.at[column * b.column + p * b.row] : 0.0f;
  }
}

void pack(int64_t k, int64_t n, Matrix b, float* to) {
  inParts(ceilOf(n, WIDTH), 0.2 * WIDTH * k, [&](int64_t from, int64_t end) {
    for (int64_t panel = from; panel < end; panel++) {
      const Matrix part{b.at + panel * WIDTH * b.column, b.row, b.column};
      packPanel(k, std::min<int64_t>(WIDTH, n - panel * WIDTH), part, to + panel * WIDTH * k);
    }
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
