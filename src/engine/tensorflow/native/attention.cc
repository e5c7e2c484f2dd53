#include "attention.h"

#include <algorithm>
#include <cmath>

#include "pool.h"
#include "products.h"
#include "vectors.h"

namespace fourfold {
namespace {

/** Queries at once: forward, and backward, where products over them profit from more. */
constexpr int64_t QUERIES = 24, BACKWARD_QUERIES = 48;

int64_t roundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

struct Rows {
  const float* at;
  int64_t step;
};

/** One head of keys or values of one row of the batch, and what is packed of it. */
struct Head {
  const Attention& given;
  int64_t row, kvHead;
  /** Keys from here on count. */
  int64_t start = std::max<int64_t>(0, given.keyStart[row]);
  int64_t count = std::max<int64_t>(0, given.keys - start);
  int64_t padded = roundUp(given.headDim, LANES);
  int64_t panels = roundUp(count, panelWidth());

  int64_t step() const { return given.kvHeads * given.headDim; }
  int64_t offset() const { return ((row * given.keys + start) * given.kvHeads + kvHead) * given.headDim; }

  /** x as [headDim, count] in panels. */
  float* turned(const float* x, int place) const {
    float* to = scratch(place, given.headDim * panels);
    for (int64_t first = 0; first < count; first += panelWidth())
      packPanel(given.headDim, std::min(panelWidth(), count - first), {x + offset() + first * step(), 1, step()},
                to + first * given.headDim);
    return to;
  }

  /** x as rows that may be read to whole vectors: where they lie, if they are such; else copied. */
  Rows rows(const float* x, int64_t from, int64_t fromStep, int64_t number, int place) const {
    if (padded == given.headDim) return {x + from, fromStep};
    float* to = scratch(place, number * padded);
    copyRows(x + from, fromStep, number, to);
    return {to, padded};
  }

  void copyRows(const float* from, int64_t fromStep, int64_t number, float* to) const {
    const int64_t whole = given.headDim / LANES * LANES, rest = given.headDim - whole;
    for (int64_t i = 0; i < number; i++, from += fromStep, to += padded) {
      for (int64_t j = 0; j < whole; j += LANES) store(to + j, load(from + j));
      if (rest > 0) store(to + whole, loadSome(from + whole, rest));
    }
  }
};

/** to = a [rows, depth] times x [depth, headDim]. */
void timesRows(const Head& head, int64_t rows, int64_t depth, Matrix a, Rows x, float* to, int64_t step,
               bool accumulates) {
  const int64_t dims = head.given.headDim;
  for (int64_t first = 0; first < dims; first += panelWidth())
    multiplyPanel(rows, depth, a, x.at + first, x.step, std::min(panelWidth(), dims - first), to + first, step,
                  accumulates);
}

/** scores [rows, columns] = a · panels, columns rounded up to whole panels. */
void timesPanels(const Head& head, int64_t rows, int64_t columns, const float* a, int64_t aStep, const float* panels,
                 float* scores, int64_t step) {
  const int64_t dims = head.given.headDim;
  for (int64_t first = 0; first < columns; first += panelWidth())
    multiplyPanel(rows, dims, {a, aStep, 1}, panels + first * dims, panelWidth(), panelWidth(), scores + first, step,
                  false);
}

inline float tanhOf(float x) { return 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f); }

/** Keys, counted from the head's start, that query `at` sees: from .. end. */
struct Range {
  int64_t from, end;
};
Range seen(const Head& head, int64_t at) {
  const int64_t end = head.given.keys - head.given.time + at + 1 - head.start;
  const int64_t from = head.given.window > 0 ? std::max<int64_t>(0, end - head.given.window) : 0;
  return {from, std::max<int64_t>(0, end)};
}

/** Products of queries and keys become capped scores, where there is a cap. @returns what multiplies them still */
float capScores(const Attention& given, int64_t count, float* scores) {
  const float scale = given.scale, cap = given.softcap;
  if (cap <= 0) return scale;
#pragma omp simd
  for (int64_t i = 0; i < count; i++) scores[i] = cap * tanhOf(scores[i] * scale / cap);
  return 1.0f;
}

/** A score that stands for none; the exponential of what is so far below others counts as 0. */
constexpr float NONE = -1e30f, LOWEST = -87.0f;

/** Hides what is not seen among the first keys, so many that they are whole vectors. */
void hide(Range range, float* scores) {
  for (int64_t i = 0; i < range.from; i++) scores[i] = NONE;
  const int64_t whole = range.end / LANES * LANES, rest = range.end - whole;
  if (rest == 0) return;
  const Vector kept = loadSome(scores + whole, rest);
  store(scores + whole, splat(NONE));
  storeSome(scores + whole, kept, rest);
}

inline Vector weightsOf(Vector z) { return z < LOWEST ? Vector{} : exponential(z); }

/** Scores become weights times their sum, zero where nothing is seen. */
struct Weighed {
  float logSum, factor;
};
Weighed weigh(const Head& head, Range range, int64_t columns, float* scores) {
  if (range.from >= range.end) {
    for (int64_t i = 0; i < columns; i += LANES) store(scores + i, Vector{});
    return {0, 0};
  }
  const int64_t count = roundUp(range.end, LANES);
  const float scale = capScores(head.given, count, scores);
  hide(range, scores);
  Vector tops = load(scores);
  for (int64_t i = LANES; i < count; i += LANES) {
    const Vector own = load(scores + i);
    tops = own > tops ? own : tops;
  }
  const float top = largestOf(tops);
  Vector sums = {};
  for (int64_t i = 0; i < count; i += LANES) {
    const Vector own = weightsOf((load(scores + i) - top) * scale);
    store(scores + i, own);
    sums += own;
  }
  const float sum = sumOf(sums);
  for (int64_t i = count; i < columns; i += LANES) store(scores + i, Vector{});
  return {top * scale + std::log(sum), 1.0f / sum};
}

/** Runs a piece for each key head of each row of the batch, or the whole here where it is small. */
template <typename Work>
void inHeads(const Attention& given, const Work& work) {
  const int64_t pieces = given.batch * given.kvHeads;
  const double cost = 0.03 * given.time * given.keys * given.headDim * given.heads / given.kvHeads;
  inParts(pieces, std::max(1.0, cost), [&](int64_t from, int64_t end) {
    for (int64_t i = from; i < end; i++) work(Head{given, i / given.kvHeads, i % given.kvHeads});
  });
}

}  // namespace

void attend(const Attention& given, float* out, float* logSums) {
  const int64_t group = given.heads / given.kvHeads, step = given.heads * given.headDim;
  inHeads(given, [&](const Head& head) {
    const float* keys = head.turned(given.key, 1);
    const Rows values = head.rows(given.value, head.offset(), head.step(), head.count, 2);
    float* scores = scratch(3, QUERIES * head.panels);
    for (int64_t g = 0; g < group; g++) {
      const int64_t own = head.kvHead * group + g;
      for (int64_t first = 0; first < given.time; first += QUERIES) {
        const int64_t rows = std::min(QUERIES, given.time - first);
        const int64_t place = (head.row * given.time + first) * step + own * given.headDim;
        const int64_t columns = seen(head, first + rows - 1).end;
        timesPanels(head, rows, columns, given.query + place, step, keys, scores, head.panels);
        float factors[QUERIES];
        for (int64_t i = 0; i < rows; i++) {
          const Weighed row = weigh(head, seen(head, first + i), columns, scores + i * head.panels);
          logSums[(head.row * given.heads + own) * given.time + first + i] = row.logSum;
          factors[i] = row.factor;
        }
        timesRows(head, rows, columns, {scores, head.panels, 1}, values, out + place, step, false);
        for (int64_t i = 0; i < rows; i++) {
          float* to = out + place + i * step;
#pragma omp simd
          for (int64_t j = 0; j < given.headDim; j++) to[j] *= factors[i];
        }
      }
    }
  });
}

namespace {

/** Of one query: scores become weights P, and dWeights become dS = P∘(dWeights - inner)·scale, with the cap's slope. */
void slopes(const Head& head, Range range, int64_t columns, float logSum, float inner, float* scores,
            float* dWeights) {
  const float scale = head.given.scale, cap = head.given.softcap;
  const bool isBlind = range.from >= range.end;
  const int64_t count = isBlind ? 0 : roundUp(range.end, LANES);
  for (int64_t i = count; i < columns; i += LANES) {
    store(scores + i, Vector{});
    store(dWeights + i, Vector{});
  }
  if (isBlind) return;
  const float factor = capScores(head.given, count, scores);
  hide(range, scores);
  for (int64_t i = 0; i < count; i += LANES) {
    const Vector score = load(scores + i), p = weightsOf(score * factor - logSum);
    Vector slope = p * (load(dWeights + i) - inner) * scale;
    if (cap > 0) {
      const Vector bent = p > 0 ? score / cap : Vector{};
      slope = slope * (1.0f - bent * bent);
    }
    store(scores + i, p);
    store(dWeights + i, slope);
  }
}

}  // namespace

// With P the weights and O = P·V: dV = Pᵀ·dO, dS = P∘(dO·Vᵀ - Σ dO∘O), dQ = scale·dS·K, dK = scale·dSᵀ·Q.
void attendGradient(const Attention& given, const float* out, const float* logSums, const float* dOut, float* dQuery,
                    float* dKey, float* dValue) {
  const int64_t group = given.heads / given.kvHeads, step = given.heads * given.headDim, dims = given.headDim;
  inHeads(given, [&](const Head& head) {
    const float *keys = head.turned(given.key, 1), *values = head.turned(given.value, 2);
    const Rows keyRows = head.rows(given.key, head.offset(), head.step(), head.count, 3);
    const int64_t size = head.count * head.padded, strip = BACKWARD_QUERIES * head.panels;
    float* sums = scratch(4, 2 * size);
    std::fill(sums, sums + 2 * size, 0.0f);
    float* scores = scratch(5, 2 * strip);
    float* dWeights = scores + strip;
    for (int64_t g = 0; g < group; g++) {
      const int64_t own = head.kvHead * group + g;
      for (int64_t first = 0; first < given.time; first += BACKWARD_QUERIES) {
        const int64_t rows = std::min(BACKWARD_QUERIES, given.time - first);
        const int64_t place = (head.row * given.time + first) * step + own * dims;
        const int64_t columns = seen(head, first + rows - 1).end;
        timesPanels(head, rows, columns, given.query + place, step, keys, scores, head.panels);
        timesPanels(head, rows, columns, dOut + place, step, values, dWeights, head.panels);
        for (int64_t i = 0; i < rows; i++) {
          const float *o = out + place + i * step, *d = dOut + place + i * step;
          const float inner = sumOf(dims, [=](int64_t j) { return o[j] * d[j]; });
          const float logSum = logSums[(head.row * given.heads + own) * given.time + first + i];
          slopes(head, seen(head, first + i), columns, logSum, inner, scores + i * head.panels,
                 dWeights + i * head.panels);
        }
        timesRows(head, rows, columns, {dWeights, head.panels, 1}, keyRows, dQuery + place, step, false);
        const Rows queries = head.rows(given.query, place, step, rows, 6), outs = head.rows(dOut, place, step, rows, 7);
        timesRows(head, columns, rows, {dWeights, 1, head.panels}, queries, sums, head.padded, true);
        timesRows(head, columns, rows, {scores, 1, head.panels}, outs, sums + size, head.padded, true);
      }
    }
    for (int64_t i = 0; i < given.keys; i++) {
      const int64_t to = ((head.row * given.keys + i) * given.kvHeads + head.kvHead) * dims;
      const int64_t from = (i - head.start) * head.padded;
      for (int64_t j = 0; j < dims; j++) {
        dKey[to + j] = i < head.start ? 0.0f : sums[from + j];
        dValue[to + j] = i < head.start ? 0.0f : sums[size + from + j];
      }
    }
  });
}

}  // namespace fourfold
