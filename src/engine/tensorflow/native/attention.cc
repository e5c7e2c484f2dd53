#include "attention.h"

#include <algorithm>
#include <cmath>

#include "pool.h"
#include "products.h"
#include "vectors.h"

// Queries of a block lie side by side in vectors, and so do their scores of one key: largest value, exponential, sum and
// slope of all of them go lane by lane. Products are those of panels (products.h), whose columns are the queries.

namespace fourfold {
namespace {

/** Queries of a block, as many as a panel has columns, and the vectors that hold a value of each. */
constexpr int64_t BLOCK = panelWidth();
constexpr int VECTORS = 2;

int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/** `number` rows of `dims` values side by side, each filled up with zeros to whole vectors. */
void copyRows(const float* from, int64_t fromStep, int64_t number, int64_t dims, float* to) {
  const int64_t whole = dims / LANES * LANES, rest = dims - whole;
  for (int64_t i = 0; i < number; i++, from += fromStep) {
    for (int64_t j = 0; j < whole; j += LANES, to += LANES) store(to, load(from + j));
    if (rest == 0) continue;
    store(to, loadSome(from + whole, rest));
    to += LANES;
  }
}

/** One head of keys and values of one row of the batch. */
struct Head {
  const Attention& given;
  int64_t row, kvHead;
  /** Keys from here on count. */
  int64_t start = std::max<int64_t>(0, given.keyStart[row]);
  int64_t count = std::max<int64_t>(0, given.keys - start);
  int64_t padded = roundUp(given.headDim, LANES);

  /** The keys or values that count, [count, padded]. */
  const float* rows(const float* x, int place) const {
    const int64_t step = given.kvHeads * given.headDim;
    float* to = scratch(place, count * padded);
    copyRows(x + (row * given.keys + start) * step + kvHead * given.headDim, step, count, given.headDim, to);
    return to;
  }
};

/** The head's queries from `first` on, fewer than a block in the end. */
struct Block {
  const Head& head;
  int64_t ownHead, first;
  int64_t rows = std::min(BLOCK, head.given.time - first);
  int64_t step = head.given.heads * head.given.headDim;
  /** Where their values begin in [batch, time, heads, headDim] and in [batch, heads, time]. */
  int64_t place = (head.row * head.given.time + first) * step + ownHead * head.given.headDim;
  int64_t logSumPlace = (head.row * head.given.heads + ownHead) * head.given.time + first;
  /** The first query sees the keys before `end`, counted from the head's start; each further one sees one more. */
  int64_t end = head.given.keys - head.given.time + first + 1 - head.start;
  /** Keys that any of them sees: from .. last. */
  int64_t last = std::max<int64_t>(0, end + rows - 1);
  int64_t from = head.given.window > 0 ? std::max<int64_t>(0, end - head.given.window) : 0;

  /** Floats of products with these keys. */
  int64_t size() const { return std::max<int64_t>(0, last - from) * BLOCK; }
  /** Of them, those of keys that a query in this vector can see. */
  int64_t seen(int vector) const { return std::min(size(), std::max<int64_t>(0, end + (vector + 1) * LANES - 1 - from) * BLOCK); }

  /** A value for each query in a vector. */
  Vector loadOwn(const float* values, int vector) const {
    const int64_t count = rows - vector * LANES;
    const float* at = values + logSumPlace + vector * LANES;
    return count >= LANES ? load(at) : count > 0 ? loadSome(at, count) : Vector{};
  }
  void storeOwn(float* values, int vector, Vector value) const {
    const int64_t count = rows - vector * LANES;
    float* at = values + logSumPlace + vector * LANES;
    if (count >= LANES)
      store(at, value);
    else if (count > 0)
      storeSome(at, value, count);
  }

  /** x of the queries as [headDim, BLOCK]. */
  const float* turned(const float* x, int number) const {
    float* to = scratch(number, head.given.headDim * BLOCK);
    packPanel(head.given.headDim, rows, {x + place, 1, step}, to);
    return to;
  }

  /** [headDim, BLOCK] back to rows of queries. */
  void turnBack(const float* from, float* x) const { unpackPanel(head.given.headDim, rows, from, x + place, step); }

  /** x of the queries as [rows, padded]. */
  const float* copied(const float* x, int number) const {
    float* to = scratch(number, rows * head.padded);
    copyRows(x + place, step, rows, head.given.headDim, to);
    return to;
  }

  /** products [last - from, BLOCK] of the head's rows with x [headDim, BLOCK]. */
  void timesColumns(const float* headRows, const float* x, float* products) const {
    multiplyPanel(last - from, head.given.headDim, {headRows + from * head.padded, head.padded, 1}, x, BLOCK, BLOCK,
                  products, BLOCK, false);
  }

  /** sums [headDim, BLOCK] over keys of the head's rows with weights [last - from, BLOCK]. */
  void sumOverKeys(const float* headRows, const float* weights, float* sums) const {
    multiplyPanel(head.given.headDim, last - from, {headRows + from * head.padded, 1, head.padded}, weights, BLOCK, BLOCK,
                  sums, BLOCK, false);
  }

  /** to [.., padded] += sums over queries of weights [last - from, BLOCK] with x [rows, padded]. */
  void sumOverQueries(const float* weights, const float* x, float* to) const {
    const int64_t dims = head.given.headDim;
    for (int64_t column = 0; column < dims; column += panelWidth())
      multiplyPanel(last - from, rows, {weights, BLOCK, 1}, x + column, head.padded,
                    std::min(panelWidth(), dims - column), to + from * head.padded + column, head.padded, true);
  }
};

/** A score that stands for none. Powers of two below the lowest count as 0. */
constexpr float NONE = -1e30f, LOWEST = -125.0f;
constexpr float LOG_2_E = 1.44269504f;

inline float tanhOf(float x) { return 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f); }
inline Vector weightsOf(Vector power) { return power < LOWEST ? Vector{} : powerOfTwo(power); }

/**
 * Products of queries and keys become capped scores, where there is a cap, and NONE where a query does not see the key.
 * @returns what multiplies them still
 */
float toScores(const Block& block, float* scores) {
  const float cap = block.head.given.softcap, scale = block.head.given.scale;
  const int64_t window = block.head.given.window;
  if (cap > 0)
#pragma omp simd
    for (int64_t i = 0; i < block.size(); i++) scores[i] = cap * tanhOf(scores[i] * scale / cap);
  for (int64_t key = window > 0 ? block.from : std::max(block.from, block.end); key < block.last; key++) {
    // Query i sees it if end + i - window <= key < end + i.
    const int64_t lowest = key - block.end + 1, highest = window > 0 ? lowest + window : BLOCK;
    if (lowest <= 0 && highest >= BLOCK) continue;
    for (int j = 0; j < VECTORS; j++) {
      float* own = scores + (key - block.from) * BLOCK + j * LANES;
      const Vector places = numbers() + static_cast<float>(j * LANES);
      const Vector kept = places < static_cast<float>(lowest) ? splat(NONE) : load(own);
      store(own, places < static_cast<float>(highest) ? kept : splat(NONE));
    }
  }
  return cap > 0 ? 1.0f : scale;
}

/** Scores of one vector's queries become weights times their sums, zero where nothing is seen. */
struct Weighed {
  Vector logSums, reciprocals;
};
Weighed weigh(const Block& block, int vector, float factor, float* scores) {
  const int64_t seen = block.seen(vector), size = block.size();
  Vector tops = splat(NONE);
  for (int64_t i = 0; i < seen; i += BLOCK) {
    const Vector own = load(scores + i);
    tops = own > tops ? own : tops;
  }
  // A query that sees nothing: all its weights become zero.
  const Vector known = tops > NONE ? tops : splat(-NONE);
  Vector sums{};
  for (int64_t i = 0; i < seen; i += BLOCK) {
    const Vector own = weightsOf((load(scores + i) - known) * (factor * LOG_2_E));
    store(scores + i, own);
    sums += own;
  }
  for (int64_t i = seen; i < size; i += BLOCK) store(scores + i, Vector{});
  const Vector sum = sums > 0 ? sums : splat(1.0f);
  const Vector logSums = known * factor + logarithm(sum);
  return {sums > 0 ? logSums : Vector{}, sums > 0 ? 1.0f / sum : Vector{}};
}

/** Runs a piece for each key head of each row of the batch, or the whole here where it is small. */
template <typename Work>
void inHeads(const Attention& given, const Work& work) {
  const int64_t pieces = given.batch * given.kvHeads;
  const double cost = 0.02 * given.time * given.keys * given.headDim * given.heads / given.kvHeads;
  inParts(pieces, std::max(1.0, cost), [&](int64_t from, int64_t end) {
    for (int64_t i = from; i < end; i++) work(Head{given, i / given.kvHeads, i % given.kvHeads});
  });
}

/** Calls work(block) for each block of the queries that go with a head of keys. */
template <typename Work>
void inBlocks(const Head& head, const Work& work) {
  const int64_t group = head.given.heads / head.given.kvHeads;
  for (int64_t g = 0; g < group; g++)
    for (int64_t first = 0; first < head.given.time; first += BLOCK) work(Block{head, head.kvHead * group + g, first});
}

}  // namespace

void attend(const Attention& given, float* out, float* logSums) {
  inHeads(given, [&](const Head& head) {
    const float *keys = head.rows(given.key, 1), *values = head.rows(given.value, 2);
    float* scores = scratch(3, head.count * BLOCK);
    float* sums = scratch(4, given.headDim * BLOCK);
    inBlocks(head, [&](const Block& block) {
      block.timesColumns(keys, block.turned(given.query, 5), scores);
      const float factor = toScores(block, scores);
      Vector reciprocals[VECTORS];
      for (int j = 0; j < VECTORS; j++) {
        const Weighed own = weigh(block, j, factor, scores + j * LANES);
        block.storeOwn(logSums, j, own.logSums);
        reciprocals[j] = own.reciprocals;
      }
      block.sumOverKeys(values, scores, sums);
      for (int64_t i = 0; i < given.headDim * BLOCK; i += BLOCK)
        for (int j = 0; j < VECTORS; j++) store(sums + i + j * LANES, load(sums + i + j * LANES) * reciprocals[j]);
      block.turnBack(sums, out);
    });
  });
}

namespace {

/** Σ over the head's dims of a∘b, of one vector's queries. */
Vector innerProducts(int64_t dims, const float* a, const float* b) {
  Vector sums{};
  for (int64_t i = 0; i < dims * BLOCK; i += BLOCK) sums += load(a + i) * load(b + i);
  return sums;
}

/** Scores of one vector's queries become weights P, dWeights dS = P∘(dWeights - inner)·scale, with the cap's slope. */
void slopes(const Block& block, int vector, float factor, Vector logSums, Vector inner, float* scores,
            float* dWeights) {
  const float scale = block.head.given.scale, cap = block.head.given.softcap;
  const int64_t seen = block.seen(vector), size = block.size();
  const Vector tops = logSums * LOG_2_E;
  for (int64_t i = 0; i < seen; i += BLOCK) {
    const Vector score = load(scores + i), p = weightsOf(score * (factor * LOG_2_E) - tops);
    Vector slope = p * (load(dWeights + i) - inner) * scale;
    if (cap > 0) {
      const Vector bent = p > 0 ? score / cap : Vector{};
      slope = slope * (1.0f - bent * bent);
    }
    store(scores + i, p);
    store(dWeights + i, slope);
  }
  for (int64_t i = seen; i < size; i += BLOCK) {
    store(scores + i, Vector{});
    store(dWeights + i, Vector{});
  }
}

}  // namespace

// With P the weights and O = P·V: dV = Pᵀ·dO, dS = P∘(dO·Vᵀ - Σ dO∘O), dQ = scale·dS·K, dK = scale·dSᵀ·Q.
void attendGradient(const Attention& given, const float* out, const float* logSums, const float* dOut, float* dQuery,
                    float* dKey, float* dValue) {
  const int64_t dims = given.headDim;
  inHeads(given, [&](const Head& head) {
    const float *keys = head.rows(given.key, 1), *values = head.rows(given.value, 2);
    float* scores = scratch(3, 2 * head.count * BLOCK);
    float* dWeights = scores + head.count * BLOCK;
    float* dQueries = scratch(4, dims * BLOCK);
    float* dKeys = scratch(8, 2 * head.count * head.padded);
    float* dValues = dKeys + head.count * head.padded;
    std::fill(dKeys, dKeys + 2 * head.count * head.padded, 0.0f);
    inBlocks(head, [&](const Block& block) {
      const float* dOuts = block.turned(dOut, 5);
      block.timesColumns(keys, block.turned(given.query, 6), scores);
      block.timesColumns(values, dOuts, dWeights);
      const float factor = toScores(block, scores);
      const float* outs = block.turned(out, 6);
      for (int j = 0; j < VECTORS; j++) {
        const int64_t at = j * LANES;
        const Vector inner = innerProducts(dims, outs + at, dOuts + at);
        slopes(block, j, factor, block.loadOwn(logSums, j), inner, scores + at, dWeights + at);
      }
      block.sumOverKeys(keys, dWeights, dQueries);
      block.turnBack(dQueries, dQuery);
      block.sumOverQueries(dWeights, block.copied(given.query, 7), dKeys);
      block.sumOverQueries(scores, block.copied(dOut, 7), dValues);
    });
    for (int64_t i = 0; i < given.keys; i++) {
      const int64_t to = ((head.row * given.keys + i) * given.kvHeads + head.kvHead) * dims;
      const int64_t from = (i - head.start) * head.padded;
      for (int64_t j = 0; j < dims; j++) {
        dKey[to + j] = i < head.start ? 0.0f : dKeys[from + j];
        dValue[to + j] = i < head.start ? 0.0f : dValues[from + j];
      }
    }
  });
}

}  // namespace fourfold
