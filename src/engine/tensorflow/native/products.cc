#include "products.h"

#include <algorithm>

#include "pool.h"
#include "vectors.h"

namespace fourfold {
namespace {

constexpr int WIDTH = panelWidth();
/** Rows of a panel that stay in the first-level cache while the rows of a go past. */
constexpr int64_t DEPTH = 320;
/** Floats of b that are packed at once. */
constexpr int64_t MOST_PACKED = 3 << 17;
/** Rows of a piece. */
constexpr int64_t HIGH = 192;
/** Multiply-adds below which a product is not worth a second thread, and those that a piece has at least. */
constexpr int64_t SMALL = 1 << 19;
constexpr int64_t PIECE = 1 << 20;

int64_t ceilOf(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** What the sums of a tile start from: rows that lie `step` apart, or zeros where `at` is null. */
struct Start {
  const float* at;
  int64_t step;
};

/** R rows, VECTORS vectors wide; of the last of these, where IS_EDGE, only the first `some` lanes are read and written. */
template <int R, int VECTORS, bool IS_EDGE>
inline __attribute__((always_inline)) void tile(int64_t k, Matrix a, const float* panel, int64_t panelStep,
                                                int64_t some, float* to, int64_t step, Start start) {
  Vector sums[R][VECTORS];
#pragma GCC unroll 16
  for (int i = 0; i < R; i++)
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) {
      const int64_t place = i * start.step + j * LANES;
      const bool isCut = IS_EDGE && j == VECTORS - 1;
      sums[i][j] = start.at == nullptr ? Vector{} : isCut ? loadSome(start.at + place, some) : load(start.at + place);
    }
  const float* column = a.at;
  for (int64_t p = 0; p < k; p++) {
    Vector b[VECTORS];
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) b[j] = load(panel + j * LANES);
#pragma GCC unroll 16
    for (int i = 0; i < R; i++) {
      const Vector x = splat(column[i * a.row]);
#pragma GCC unroll 4
      for (int j = 0; j < VECTORS; j++) sums[i][j] += x * b[j];
    }
    column += a.column;
    panel += panelStep;
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; i++)
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) {
      float* target = to + i * step + j * LANES;
      if (IS_EDGE && j == VECTORS - 1)
        storeSome(target, sums[i][j], some);
      else
        store(target, sums[i][j]);
    }
}

template <int R>
void tileOf(int64_t k, Matrix a, const float* panel, int64_t panelStep, int64_t columns, float* to, int64_t step,
            Start start) {
  if (columns == WIDTH)
    tile<R, 2, false>(k, a, panel, panelStep, 0, to, step, start);
  else if (columns > LANES)
    tile<R, 2, true>(k, a, panel, panelStep, columns - LANES, to, step, start);
  else if (columns == LANES)
    tile<R, 1, false>(k, a, panel, panelStep, 0, to, step, start);
  else
    tile<R, 1, true>(k, a, panel, panelStep, columns, to, step, start);
}

typedef void (*Tile)(int64_t, Matrix, const float*, int64_t, int64_t, float*, int64_t, Start);
const Tile TILES[] = {nullptr,    tileOf<1>, tileOf<2>, tileOf<3>, tileOf<4>,  tileOf<5>,  tileOf<6>,
#if defined(__AVX512F__) || defined(__aarch64__)
                      tileOf<7>,  tileOf<8>, tileOf<9>, tileOf<10>, tileOf<11>, tileOf<12>
#endif
};

}  // namespace

void multiplyPanel(int64_t rows, int64_t k, Matrix a, const float* panel, int64_t panelStep, int64_t columns, float* to,
                   int64_t step, bool accumulates) {
  // Tiles of one height, or nearly.
  const int64_t tiles = ceilOf(rows, TILE_ROWS);
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t from = rows * t / tiles, end = rows * (t + 1) / tiles;
    const Matrix own{a.at + from * a.row, a.row, a.column};
    float* target = to + from * step;
    TILES[end - from](k, own, panel, panelStep, columns, target, step, {accumulates ? target : nullptr, step});
  }
}

namespace {

/** Has the lines of a tile's results fetched while it is computed, before they are stored to for the first time. */
inline void fetchForWriting(const float* to, int64_t step, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j += CACHE_LINE) __builtin_prefetch(to + i * step + j, 1);
    __builtin_prefetch(to + i * step + columns - 1, 1);
  }
}

/** Rows from .. end of the product with panels first .. last of packed b. */
void multiplyBlock(const Product& product, const float* panels, int64_t from, int64_t end, int64_t first,
                   int64_t last) {
  const auto& [m, n, k, a, b, to, step, accumulates, base, baseStep, packed] = product;
  const int64_t blocks = std::max<int64_t>(1, ceilOf(k, DEPTH));
  // Columns of a that lie far apart are gathered first.
  const bool gathers = a.row == 1 && a.column != 1;
  const int64_t rows = end - from;
  float* gathered = gathers ? scratch(0, ceilOf(rows, TILE_ROWS) * gatheredStep(ceilOf(k, blocks))) : nullptr;
  for (int64_t block = 0; block < blocks; block++) {
    const int64_t p = k * block / blocks, depth = k * (block + 1) / blocks - p;
    if (gathers) gather(a.at + from + p * a.column, a.column, rows, depth, gathered);
    for (int64_t panel = first; panel < last; panel++) {
      const int64_t columns = std::min<int64_t>(WIDTH, n - panel * WIDTH);
      const float* own = panels + (panel * k + p) * WIDTH;
      for (int64_t top = 0; top < rows; top += TILE_ROWS) {
        const int64_t height = std::min<int64_t>(TILE_ROWS, rows - top);
        const Matrix part = gathers ? Matrix{gathered + top / TILE_ROWS * gatheredStep(depth), 1, TILE_ROWS}
                                    : Matrix{a.at + (from + top) * a.row + p * a.column, a.row, a.column};
        float* target = to + (from + top) * step + panel * WIDTH;
        Start start{target, step};
        if (block == 0 && !accumulates) {
          start = {base == nullptr ? nullptr : base + (from + top) * baseStep + panel * WIDTH, baseStep};
          fetchForWriting(target, step, height, columns);
        }
        TILES[height](depth, part, own, WIDTH, columns, target, step, start);
      }
    }
  }
}

/** Pieces of a product of packed b. */
struct Parts {
  int64_t rows, columns;

  int64_t count() const { return rows * columns; }
};

// Pieces of so many rows that a panel of b, once in the first-level cache, serves many, and a still fits into the second;
// columns are cut where that makes too few pieces, but not where each of them would gather the same columns of a again.
Parts partsOf(const Product& product) {
  const int64_t m = product.m, panels = ceilOf(product.n, WIDTH), size = m * product.n * product.k;
  if (size < SMALL) return {1, 1};
  const int64_t most = std::max<int64_t>(1, std::min<int64_t>(size / PIECE, 8 * threads()));
  const bool gathers = product.a.row == 1 && product.a.column != 1;
  const int64_t few = std::min(most, ceilOf(m, HIGH));
  const int64_t columnParts = std::min(ceilOf(panels, gathers ? 8 : 1), ceilOf(most, few));
  return {std::max(few, std::min(ceilOf(most, columnParts), m / (2 * TILE_ROWS))), columnParts};
}

void multiplyPart(const Product& product, const float* packed, Parts parts, int64_t index) {
  const int64_t panels = ceilOf(product.n, WIDTH), tiles = ceilOf(product.m, TILE_ROWS);
  const int64_t row = index / parts.columns, column = index % parts.columns;
  const int64_t from = tiles * row / parts.rows * TILE_ROWS;
  const int64_t end = std::min(product.m, tiles * (row + 1) / parts.rows * TILE_ROWS);
  multiplyBlock(product, packed, from, end, panels * column / parts.columns, panels * (column + 1) / parts.columns);
}

/** A part of b that is packed whole. */
void multiplyPacked(const Product& product) {
  const Parts parts = partsOf(product);
  const float* packed = product.packed;
  if (packed == nullptr) {
    float* made = sharedScratch(0, packedSize(product.k, product.n));
    const Packing packing{product.k, product.n, product.b, made};
    pack(1, &packing);
    packed = made;
  }
  inPieces(parts.count(), [&](int64_t i) { multiplyPart(product, packed, parts, i); });
}

}  // namespace

void multiply(const Product& product) {
  const auto& [m, n, k, a, b, to, step, accumulates, base, baseStep, packed] = product;
  if (m == 0 || n == 0) return;
  if (product.packed != nullptr) {
    multiplyPacked(product);
    return;
  }
  const int64_t depths = ceilOf(k, std::max<int64_t>(DEPTH, MOST_PACKED / std::max<int64_t>(WIDTH, n)));
  const int64_t depth = ceilOf(k, std::max<int64_t>(1, depths));
  const int64_t columns = std::max<int64_t>(WIDTH, MOST_PACKED / std::max<int64_t>(1, depth) / WIDTH * WIDTH);
  for (int64_t first = 0; first < n; first += columns) {
    for (int64_t p = 0; p < std::max<int64_t>(1, k); p += std::max<int64_t>(1, depth)) {
      Product part = product;
      part.n = std::min(columns, n - first);
      part.k = std::min(depth, k - p);
      part.a.at += p * a.column;
      part.b.at += p * b.row + first * b.column;
      part.to += first;
      part.accumulates = accumulates || p > 0;
      if (base != nullptr) part.base = p > 0 ? nullptr : base + first;
      multiplyPacked(part);
    }
  }
}

void multiplyAll(int64_t count, const Product* products) {
  int64_t pieces = 0;
  for (int64_t i = 0; i < count; i++) pieces += partsOf(products[i]).count();
  inPieces(pieces, [&](int64_t piece) {
    const Product* product = products;
    Parts parts = partsOf(*product);
    for (; piece >= parts.count(); parts = partsOf(*++product)) piece -= parts.count();
    multiplyPart(*product, product->packed, parts, piece);
  });
}

}  // namespace fourfold
