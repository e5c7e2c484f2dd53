#include "decoder.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "pool.h"
#include "products.h"
#include "rows.h"
#include "vectors.h"

namespace fourfold {
namespace {

int64_t ceilOf(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Nanoseconds of a multiply-add of a product, and of attention, whose tiles have few rows. */
constexpr double PRODUCT = 0.02, ATTENTION = 0.1;
/** Of a value that is turned or put among the keys. */
constexpr double REMEMBERING = 5;

void normRow(int64_t width, const float* x, const float* gain, float epsilon, float* y) {
  const float squares = sumOf(width, [=](int64_t i) { return x[i] * x[i]; });
  const float scale = 1.0f / std::sqrt(squares / width + epsilon);
#pragma omp simd
  for (int64_t i = 0; i < width; i++) y[i] = x[i] * scale * gain[i];
}

}  // namespace

Block::Block(int64_t size) {
  if (size == 0) return;
  constexpr int64_t HUGE_PAGE = 2 << 20;
  const int64_t unit = size * 4 >= HUGE_PAGE / 2 ? HUGE_PAGE : 4096;
  const int64_t bytes = ceilOf(size * 4, unit) * unit;
  void* made = nullptr;
  if (posix_memalign(&made, unit, bytes) != 0) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (unit == HUGE_PAGE) madvise(made, bytes, MADV_HUGEPAGE);
#endif
  at_ = static_cast<float*>(made);
}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(at_, other.at_);
  return *this;
}

Block::~Block() { free(at_); }

Decoder::Decoder(const DecoderShape& shape)
    : shape_(shape),
      padded_(ceilOf(shape.headDim, LANES) * LANES),
      blocks_(ceilOf(shape.capacity, panelWidth())),
      layers_(shape.layers) {
  const int64_t keys = shape.slots * shape.kvHeads * blocks_ * panelWidth() * shape.headDim;
  const int64_t values = shape.slots * shape.kvHeads * shape.capacity * padded_;
  for (Layer& layer : layers_) {
    layer.keys = Block(keys);
    layer.values = Block(values);
    // Positions that were never written are computed with, though not used: they must be numbers.
    std::fill(layer.keys.at(), layer.keys.at() + keys, 0.0f);
    std::fill(layer.values.at(), layer.values.at() + values, 0.0f);
  }
}

float* Decoder::keysOf(const Layer& layer, int64_t slot, int64_t head) const {
  return layer.keys.at() + (slot * shape_.kvHeads + head) * blocks_ * panelWidth() * shape_.headDim;
}

float* Decoder::valuesOf(const Layer& layer, int64_t slot, int64_t head) const {
  return layer.values.at() + (slot * shape_.kvHeads + head) * shape_.capacity * padded_;
}

void Decoder::load(Part part, int64_t layer, int64_t out, int64_t in, const float* values) {
  const auto vector = [&](std::vector<float>& to) { to.assign(values, values + out * in); };
  const auto matrix = [&](Linear& to) {
    to.out = out;
    to.in = in;
    to.packed = Block(packedSize(in, out));
    const Packing packing{in, out, {values, 1, in}, to.packed.at()};
    pack(1, &packing);
  };
  Layer& own = layers_[layer];
  switch (part) {
    case EMBEDDING: embedding_ = values; break;
    case UNEMBEDDING: matrix(unembedding_); break;
    case FINAL_NORM: vector(finalNorm_); break;
    case COSINES: cosines_ = values; break;
    case SINES: sines_ = values; break;
    case INPUT_NORM: vector(own.inputNorm); break;
    case FEED_FORWARD_NORM: vector(own.feedForwardNorm); break;
    case QUERY_NORM: vector(own.queryNorm); break;
    case KEY_NORM: vector(own.keyNorm); break;
    case QUERY: matrix(own.query); break;
    case QUERY_BIAS: vector(own.query.bias); break;
    case KEY: matrix(own.key); break;
    case KEY_BIAS: vector(own.key.bias); break;
    case VALUE: matrix(own.value); break;
    case VALUE_BIAS: vector(own.value.bias); break;
    case OUTPUT: matrix(own.output); break;
    case OUTPUT_BIAS: vector(own.output.bias); break;
    case GATE: matrix(own.gate); break;
    case GATE_BIAS: vector(own.gate.bias); break;
    case UP: matrix(own.up); break;
    case UP_BIAS: vector(own.up.bias); break;
    case DOWN: matrix(own.down); break;
    case DOWN_BIAS: vector(own.down.bias); break;
  }
}

void Decoder::applyPanel(const Linear& linear, int64_t count, const float* x, int64_t panel, float* to, int64_t step,
                         bool accumulates) const {
  const int64_t first = panel * panelWidth(), columns = std::min(panelWidth(), linear.out - first);
  multiplyPanel(count, linear.in, {x, linear.in, 1}, linear.packed.at() + first * linear.in, panelWidth(), columns,
                to + first, step, accumulates);
  if (linear.bias.empty()) return;
  for (int64_t row = 0; row < count; row++)
    for (int64_t i = first; i < first + columns; i++) to[row * step + i] += linear.bias[i];
}

void Decoder::apply(const Linear& linear, int64_t count, const float* x, float* to, int64_t step,
                    bool accumulates) const {
  inParts(ceilOf(linear.out, panelWidth()), PRODUCT * count * linear.in * panelWidth(), [&](int64_t from, int64_t end) {
    for (int64_t panel = from; panel < end; panel++) applyPanel(linear, count, x, panel, to, step, accumulates);
  }, SHORT_PIECE);
}

void Decoder::norm(const Group& group, const std::vector<float>& gain) const {
  const int64_t hidden = shape_.hidden;
  inParts(group.count, 0.1 * hidden, [&](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++)
      normRow(hidden, group.x + row * hidden, gain.data(), shape_.epsilon, group.normed + row * hidden);
  }, SHORT_PIECE);
}

void Decoder::project(const Layer& layer, const Group& group) const {
  const int64_t count = group.count;
  norm(group, layer.inputNorm);
  const int64_t queries = ceilOf(layer.query.out, panelWidth()), keys = ceilOf(layer.key.out, panelWidth());
  const float* x = group.normed;
  inParts(queries + 2 * keys, PRODUCT * count * shape_.hidden * panelWidth(), [&](int64_t from, int64_t end) {
    for (int64_t i = from; i < end; i++) {
      if (i < queries)
        applyPanel(layer.query, count, x, i, group.query, layer.query.out, false);
      else if (i < queries + keys)
        applyPanel(layer.key, count, x, i - queries, group.key, layer.key.out, false);
      else
        applyPanel(layer.value, count, x, i - queries - keys, group.value, layer.value.out, false);
    }
  }, SHORT_PIECE);
}

void Decoder::remember(Layer& layer, const Group& group) const {
  const int64_t heads = shape_.heads, kvHeads = shape_.kvHeads, dims = shape_.headDim, half = dims / 2;
  const int64_t width = panelWidth();
  const auto turn = [&](float* head, const std::vector<float>& gain, int32_t position) {
    if (!gain.empty()) normRow(dims, head, gain.data(), shape_.epsilon, head);
    const float *c = cosines_ + position * half, *s = sines_ + position * half;
#pragma omp simd
    for (int64_t i = 0; i < half; i++) {
      const float first = head[i], second = head[i + half];
      head[i] = first * c[i] - second * s[i];
      head[i + half] = second * c[i] + first * s[i];
    }
  };
  const double cost = REMEMBERING * (heads + kvHeads) * dims;
  inParts(group.count, cost, [&](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++) {
      const auto [token, slot, position] = group.rows[row];
      for (int64_t head = 0; head < heads; head++)
        turn(group.query + (row * heads + head) * dims, layer.queryNorm, position);
      for (int64_t head = 0; head < kvHeads; head++) {
        float* key = group.key + (row * kvHeads + head) * dims;
        turn(key, layer.keyNorm, position);
        float* block = keysOf(layer, slot, head) + position / width * width * dims + position % width;
        for (int64_t i = 0; i < dims; i++) block[i * width] = key[i];
        const float* value = group.value + (row * kvHeads + head) * dims;
        std::copy(value, value + dims, valuesOf(layer, slot, head) + position * padded_);
      }
    }
  }, SHORT_PIECE);
}

void Decoder::attend(const Layer& layer, const Group& group) const {
  const Row* rows = group.rows;
  const int64_t count = group.count;
  const int64_t dims = shape_.headDim, kvHeads = shape_.kvHeads, heads = shape_.heads / kvHeads, width = panelWidth();
  int64_t total = 0;
  for (int64_t row = 0; row < count; row++) total += rows[row].position + 1;
  const double cost = ATTENTION * heads * dims * 2 * total / std::max<int64_t>(1, count);
  inParts(count * kvHeads, cost, [&](int64_t from, int64_t end) {
    for (int64_t i = from; i < end; i++) {
      const int64_t row = i / kvHeads, head = i % kvHeads, length = rows[row].position + 1;
      const int64_t step = ceilOf(length, width) * width;
      float* scores = scratch(1, heads * step);
      const int64_t place = (row * shape_.heads + head * heads) * dims;
      const float* keys = keysOf(layer, rows[row].slot, head);
      for (int64_t first = 0; first < length; first += width)
        multiplyPanel(heads, dims, {group.query + place, dims, 1}, keys + first * dims, width, width, scores + first,
                      step, false);
      for (int64_t g = 0; g < heads; g++) {
        float* own = scores + g * step;
        const float scale = shape_.attentionScale;
        // The rest of the last panel counts for nothing.
        std::fill(own + length, own + step, -1e30f);
        const float top = largestOf(step, own);
#pragma omp simd
        for (int64_t j = 0; j < step; j++) own[j] = exponential((own[j] - top) * scale);
        std::fill(own + length, own + step, 0.0f);
        const float factor = 1.0f / sumOf(step, [=](int64_t j) { return own[j]; });
#pragma omp simd
        for (int64_t j = 0; j < step; j++) own[j] *= factor;
      }
      const float* values = valuesOf(layer, rows[row].slot, head);
      for (int64_t first = 0; first < dims; first += width)
        multiplyPanel(heads, length, {scores, step, 1}, values + first, padded_, std::min(width, dims - first),
                      group.mixed + place + first, dims, false);
    }
  }, SHORT_PIECE);
}

void Decoder::feedForward(const Layer& layer, const Group& group) const {
  const int64_t count = group.count;
  norm(group, layer.feedForwardNorm);
  const int64_t width = panelWidth(), inner = shape_.intermediate;
  inParts(ceilOf(inner, width), 2 * PRODUCT * count * shape_.hidden * width, [&](int64_t from, int64_t end) {
    for (int64_t panel = from; panel < end; panel++) {
      const int64_t first = panel * width, columns = std::min(width, inner - first);
      float* gates = scratch(2, count * width);
      // Of `up` as of `gate`, one panel lies where a whole row would begin at its first column.
      applyPanel(layer.gate, count, group.normed, panel, gates - first, width, false);
      applyPanel(layer.up, count, group.normed, panel, group.inner, inner, false);
      for (int64_t row = 0; row < count; row++) {
        const float* gate = gates + row * width;
        float* to = group.inner + row * inner + first;
#pragma omp simd
        for (int64_t i = 0; i < columns; i++) to[i] = gate[i] * sigmoid(gate[i]) * to[i];
      }
    }
  }, SHORT_PIECE);
  apply(layer.down, count, group.inner, group.x, shape_.hidden, true);
}

Decoder::Group Decoder::groupOf(const Row* rows, int64_t first, int64_t count) {
  const auto from = [first](std::vector<float>& values, int64_t width) { return values.data() + first * width; };
  const int64_t hidden = shape_.hidden, wide = shape_.heads * shape_.headDim, narrow = shape_.kvHeads * shape_.headDim;
  return {rows + first,        first,
          count,               from(x_, hidden),
          from(normed_, hidden), from(query_, wide),
          from(key_, narrow),  from(value_, narrow),
          from(mixed_, wide),  from(inner_, shape_.intermediate)};
}

/** Whether all weights fit into a core's own cache. */
bool Decoder::isSmall() const {
  constexpr int64_t MOST = 3 << 17;
  const int64_t layer = 2 * shape_.heads * shape_.headDim + 2 * shape_.kvHeads * shape_.headDim + 3 * shape_.intermediate;
  return shape_.hidden * (shape_.layers * layer + shape_.vocab) <= MOST;
}

/** Whether no two rows share a slot, so that none reads another's keys. */
bool Decoder::areApart(const Row* rows, int64_t count) const {
  std::vector<bool> isTaken(shape_.slots);
  for (int64_t row = 0; row < count; row++) {
    if (isTaken[rows[row].slot]) return false;
    isTaken[rows[row].slot] = true;
  }
  return true;
}

void Decoder::run(const Row* rows, int64_t count, const Draw* draw) {
  const int64_t dims = shape_.headDim;
  const auto room = [&](std::vector<float>& to, int64_t width) {
    if (static_cast<int64_t>(to.size()) < count * width) to.resize(count * width);
  };
  room(x_, shape_.hidden);
  room(normed_, shape_.hidden);
  room(query_, shape_.heads * dims);
  room(key_, shape_.kvHeads * dims);
  room(value_, shape_.kvHeads * dims);
  room(mixed_, shape_.heads * dims);
  room(inner_, shape_.intermediate);
  float* logits = draw == nullptr             ? nullptr
                  : draw->logits != nullptr ? draw->logits
                                            : sharedScratch(5, count * shape_.vocab);
  // Operations of a small model are too short to be shared: each thread takes rows through all layers.
  const bool isShared = isSmall() && areApart(rows, count);
  const int64_t groups = isShared ? std::min<int64_t>(threads(), ceilOf(count, 4)) : 1;
  inPieces(groups, [&](int64_t i) {
    const int64_t first = count * i / groups;
    runGroup(groupOf(rows, first, count * (i + 1) / groups - first), draw, logits);
  });
}

void Decoder::runGroup(const Group& group, const Draw* draw, float* allLogits) {
  const int64_t hidden = shape_.hidden, count = group.count, vocab = shape_.vocab;
  for (int64_t row = 0; row < count; row++) {
    const float* from = embedding_ + group.rows[row].token * hidden;
    std::copy(from, from + hidden, group.x + row * hidden);
  }
  for (int64_t i = 0; i < shape_.layers; i++) {
    Layer& layer = layers_[i];
    project(layer, group);
    remember(layer, group);
    // What follows the last layer's keys and values is read by nobody, unless a token is drawn.
    if (draw == nullptr && i + 1 == shape_.layers) return;
    attend(layer, group);
    apply(layer.output, count, group.mixed, group.x, hidden, true);
    feedForward(layer, group);
  }
  norm(group, finalNorm_);
  float* logits = allLogits + group.first * vocab;
  apply(unembedding_, count, group.normed, logits, vocab, false);
  if (draw->logits != nullptr) return;
  inParts(count, 1.0 * vocab, [&](int64_t from, int64_t end) {
    for (int64_t row = from; row < end; row++)
      choose(group.first + row, logits + row * vocab, scratch(3, vocab), *draw);
  }, SHORT_PIECE);
}

void Decoder::choose(int64_t row, const float* logits, float* weights, const Draw& draw) const {
  constexpr int64_t SOME = 512;
  const int64_t vocab = shape_.vocab;
  const float inverse = draw.inverseTemperature;
  const float top = largestOf(vocab, logits);
  double sum = 0, weighted = 0;
  std::vector<double> sums;
  for (int64_t start = 0; start < vocab; start += SOME) {
    const int64_t count = std::min(SOME, vocab - start);
    const float* some = logits + start;
    float* own = weights + start;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
      const float z = (some[i] - top) * inverse;
      own[i] = z < -87.0f ? 0.0f : exponential(z);
    }
    sums.push_back(sumOf(count, [=](int64_t i) { return own[i]; }));
    sum += sums.back();
    weighted += sumOf(count, [=](int64_t i) { return own[i] > 0 ? own[i] * ((some[i] - top) * inverse) : 0.0f; });
  }
  const double logSum = std::log(sum);
  draw.entropy[row] = static_cast<float>(logSum - weighted / sum);
  if (!std::isfinite(draw.entropy[row])) {
    draw.tokens[row] = -1;
    draw.logProbs[row] = draw.entropy[row];
    return;
  }
  int64_t token = 0;
  if (draw.isGreedy) {
    while (logits[token] != top) token++;
  } else {
    // The first token at which the running sum exceeds its share of the whole; the last of any weight where rounding hides it.
    const double target = draw.uniforms[row] * sum;
    double before = 0;
    size_t block = 0;
    while (block + 1 < sums.size() && before + sums[block] <= target) before += sums[block++];
    int64_t last = -1;
    for (int64_t i = block * SOME; i < vocab; i++) {
      if (weights[i] > 0) last = i;
      before += weights[i];
      if (before > target) break;
    }
    for (int64_t i = block * SOME; i-- > 0 && last < 0;)
      if (weights[i] > 0) last = i;
    token = last;
  }
  draw.tokens[row] = static_cast<int32_t>(token);
  draw.logProbs[row] = static_cast<float>(std::log(static_cast<double>(weights[token])) - logSum);
}

void Decoder::copy(int64_t from, int64_t to, int64_t length) {
  const int64_t width = panelWidth(), dims = shape_.headDim;
  for (Layer& layer : layers_) {
    for (int64_t head = 0; head < shape_.kvHeads; head++) {
      const float *keys = keysOf(layer, from, head), *values = valuesOf(layer, from, head);
      std::copy(keys, keys + ceilOf(length, width) * width * dims, keysOf(layer, to, head));
      std::copy(values, values + length * padded_, valuesOf(layer, to, head));
    }
  }
}

}  // namespace fourfold
