#include "llamaLayer.h"

#include <algorithm>

#include "attention.h"
#include "pool.h"
#include "products.h"
#include "rows.h"

// What needs nothing of other sequences goes through in groups of whole sequences, each on one thread, without meetings
// between the operations; the gradients of the weights, which are sums over all rows, come after it. Where there are too
// few sequences or the weights are large, all rows are one group, whose operations take all threads one by one.

namespace fourfold {
namespace {

// Places of memory that hold values within one layer: of a group, on its thread, and of all of them.
enum Place : int { NORMED = 9, INNER, ROWS_A, ROWS_B, SCALES };
enum SharedPlace : int { PASSING = 1, WEIGHTS, SLOPES, INPUTS };

/** Floats of all packed weights up to which groups are worth while, and the rows that a group has at least. */
constexpr int64_t MOST_WEIGHTS = 1 << 22;
constexpr int64_t FEWEST_ROWS = 64;
/** Floats of packed inputs up to which the gradients of all weights are one operation. */
constexpr int64_t MOST_INPUTS = 1 << 20;

/** Consecutive parts of memory, each of whole lines of the caches; without memory it only counts what they take. */
class Shelf {
 public:
  explicit Shelf(float* at = nullptr) : at_(at) {}
  float* take(int64_t size) {
    float* part = at_ == nullptr ? nullptr : at_ + taken_;
    taken_ += (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    return part;
  }
  int64_t taken() const { return taken_; }

 private:
  float* at_;
  int64_t taken_ = 0;
};

int64_t sizeOf(const Packing& packing) { return packedSize(packing.k, packing.n); }

/** Packs matrices side by side. */
void packAt(SharedPlace place, int64_t count, Packing* packings) {
  Shelf sizes;
  for (int64_t i = 0; i < count; i++) sizes.take(sizeOf(packings[i]));
  Shelf shelf(sharedScratch(place, sizes.taken()));
  for (int64_t i = 0; i < count; i++) packings[i].to = shelf.take(sizeOf(packings[i]));
  pack(count, packings);
}

/** A weight [out, in], and how it is read: packed, or where it lies. */
struct Weight {
  int64_t out, in;
  const float* at;
  const float* packed = nullptr;

  Matrix forward() const { return {at, 1, in}; }
  Matrix backward() const { return {at, in, 1}; }
};

/** All matrices of a layer, in the order in which they are packed. */
struct Weights {
  Weight query, key, value, attentionOutput, gate, up, down;

  explicit Weights(const LlamaLayer& layer)
      : query{layer.wide(), layer.width, layer.query},
        key{layer.narrow(), layer.width, layer.key},
        value{layer.narrow(), layer.width, layer.value},
        attentionOutput{layer.width, layer.wide(), layer.attentionOutput},
        gate{layer.inner, layer.width, layer.gate},
        up{layer.inner, layer.width, layer.up},
        down{layer.width, layer.inner, layer.down} {}

  /** Packs all of them for products with x, or with slopes of y. */
  void packAll(bool isForward) {
    Weight* const all[] = {&query, &key, &value, &attentionOutput, &gate, &up, &down};
    Packing packings[7];
    for (int i = 0; i < 7; i++) {
      const auto& [out, in, at, packed] = *all[i];
      packings[i] = isForward ? Packing{in, out, all[i]->forward(), nullptr}
                              : Packing{out, in, all[i]->backward(), nullptr};
    }
    packAt(WEIGHTS, 7, packings);
    for (int i = 0; i < 7; i++) all[i]->packed = packings[i].to;
  }
};

/** to = from·weightᵀ + residual, where that is not null. */
void project(int64_t rows, const float* from, const Weight& weight, float* to, const float* residual = nullptr) {
  const auto& [out, in, at, packed] = weight;
  multiply({rows, out, in, {from, in, 1}, weight.forward(), to, out, false, residual, out, packed});
}

/** to = dy·weight, or added to what is there. */
void projectBack(int64_t rows, const float* dy, const Weight& weight, float* to, bool accumulates = false) {
  const auto& [out, in, at, packed] = weight;
  multiply({rows, in, out, {dy, out, 1}, weight.backward(), to, in, accumulates, nullptr, 0, packed});
}

/** What the forward pass leaves for the backward pass. */
struct Values {
  /** [rows] and [count]: the norms' scales */
  float *attentionScales, *feedForwardScales;
  /** [rows, heads·headDim]; key and value [rows, kvHeads·headDim]; positions applied */
  float *query, *key, *value;
  /** [rows, heads·headDim] and [batch, heads, time] */
  float *mixed, *logSums;
  /** [count, width] */
  float* attended;
  /** [count, inner] */
  float *gate, *up;
};

Values valuesOn(const LlamaLayer& layer, Shelf& shelf) {
  const int64_t rows = layer.rows(), count = layer.count, wide = layer.wide(), narrow = layer.narrow();
  return {shelf.take(rows),           shelf.take(count),          shelf.take(rows * wide),
          shelf.take(rows * narrow),  shelf.take(rows * narrow),  shelf.take(rows * wide),
          shelf.take(rows * layer.heads), shelf.take(count * layer.width), shelf.take(count * layer.inner),
          shelf.take(count * layer.inner)};
}

Attention attentionOf(const LlamaLayer& layer, const Values& values) {
  return {layer.batch,  layer.time, layer.time,   layer.heads,    layer.kvHeads, layer.headDim, values.query,
          values.key,   values.value, layer.keyStart, layer.scale,  layer.window,  0};
}

void turn(const LlamaLayer& layer, int64_t heads, float sign, float* at) {
  rotary(layer.rows(), heads, layer.headDim, at, layer.positions, layer.cos, layer.sin, sign, at);
}

/** The wanted rows, in `to`, or all as they are. */
const float* chosen(const LlamaLayer& layer, int64_t width, const float* from, float* to) {
  if (layer.wanted == nullptr) return from;
  gatherRows(layer.count, width, from, layer.wanted, to, layer.firstRow);
  return to;
}

/** The slopes of `chosen`: rows at their places among zeros, in a place of their own. */
const float* spread(const LlamaLayer& layer, int64_t width, const float* slopes, Place place) {
  if (layer.wanted == nullptr) return slopes;
  float* rows = scratch(place, layer.rows() * width);
  scatterRows(layer.count, width, layer.rows(), slopes, layer.wanted, rows, layer.firstRow);
  return rows;
}

/** Rows of the sequences before a group, and the wanted ones among them. */
struct Offset {
  int64_t rows, chosen;
};

Values from(const LlamaLayer& layer, const Values& values, Offset offset) {
  const auto [rows, chosen] = offset;
  const int64_t wide = layer.wide(), narrow = layer.narrow();
  return {values.attentionScales + rows,
          values.feedForwardScales + chosen,
          values.query + rows * wide,
          values.key + rows * narrow,
          values.value + rows * narrow,
          values.mixed + rows * wide,
          values.logSums + rows * layer.heads,
          values.attended + chosen * layer.width,
          values.gate + chosen * layer.inner,
          values.up + chosen * layer.inner};
}

/** Sequences of a group; all of them where groups are not worth while. */
int64_t groupSize(const LlamaLayer& layer) {
  const int64_t weights = layer.width * (2 * layer.wide() + 2 * layer.narrow() + 3 * layer.inner);
  const int64_t most = layer.batch / (2 * threads());
  const bool isInOrder = layer.wanted == nullptr || std::is_sorted(layer.wanted, layer.wanted + layer.count);
  if (threads() == 1 || most == 0 || weights > MOST_WEIGHTS || !isInOrder) return std::max<int64_t>(1, layer.batch);
  return std::min(most, (FEWEST_ROWS + layer.time - 1) / std::max<int64_t>(1, layer.time));
}

/** Calls work(group, offset) for each group of sequences. */
template <typename Work>
void inGroups(const LlamaLayer& layer, int64_t size, const Work& work) {
  const auto chosenBefore = [&](int64_t row) -> int64_t {
    if (layer.wanted == nullptr) return row;
    return size >= layer.batch ? row == 0 ? 0 : layer.count
                               : std::lower_bound(layer.wanted, layer.wanted + layer.count, row) - layer.wanted;
  };
  inPieces((layer.batch + size - 1) / size, [&](int64_t piece) {
    const int64_t first = piece * size, end = std::min(layer.batch, first + size);
    const Offset offset{first * layer.time, chosenBefore(first * layer.time)};
    LlamaLayer group = layer;
    group.batch = end - first;
    group.firstRow = offset.rows;
    group.x += offset.rows * layer.width;
    group.positions += offset.rows;
    group.keyStart += first;
    if (layer.wanted != nullptr) group.wanted += offset.chosen;
    group.count = chosenBefore(end * layer.time) - offset.chosen;
    work(group, offset);
  });
}

void runGroup(const LlamaLayer& layer, const Weights& weights, const Values& values, float* y) {
  const int64_t rows = layer.rows(), count = layer.count, width = layer.width;
  float* normed = scratch(NORMED, std::max(rows, count) * width);
  rmsNorm(rows, width, layer.x, layer.attentionNorm, layer.epsilon, normed, values.attentionScales);
  project(rows, normed, weights.query, values.query);
  project(rows, normed, weights.key, values.key);
  project(rows, normed, weights.value, values.value);
  turn(layer, layer.heads, 1, values.query);
  turn(layer, layer.kvHeads, 1, values.key);
  attend(attentionOf(layer, values), values.mixed, values.logSums);

  const float* mixed = chosen(layer, layer.wide(), values.mixed, scratch(ROWS_A, count * layer.wide()));
  const float* residual = chosen(layer, width, layer.x, scratch(ROWS_B, count * width));
  project(count, mixed, weights.attentionOutput, values.attended, residual);
  rmsNorm(count, width, values.attended, layer.feedForwardNorm, layer.epsilon, normed, values.feedForwardScales);
  project(count, normed, weights.gate, values.gate);
  project(count, normed, weights.up, values.up);
  float* gated = scratch(INNER, count * layer.inner);
  swiglu(count * layer.inner, values.gate, values.up, gated);
  project(count, gated, weights.down, y, values.attended);
}

}  // namespace

int64_t sizeOfValues(const LlamaLayer& layer) {
  Shelf shelf;
  valuesOn(layer, shelf);
  return shelf.taken();
}

void runLlamaLayer(const LlamaLayer& layer, float* kept, float* y) {
  Shelf shelf(kept != nullptr ? kept : sharedScratch(PASSING, sizeOfValues(layer)));
  const Values values = valuesOn(layer, shelf);
  const int64_t size = groupSize(layer);
  Weights weights(layer);
  if (size < layer.batch) weights.packAll(true);
  inGroups(layer, size, [&](const LlamaLayer& group, Offset offset) {
    runGroup(group, weights, from(layer, values, offset), y + offset.chosen * layer.width);
  });
}

namespace {

/** What the gradients of the weights are made of: inputs of their products, and slopes of their results. */
struct Parts {
  /** [rows, width], [count, wide], [count, width] and [count, inner] */
  float *normedInput, *mixed, *normedMiddle, *gated;
  /** Slopes of normedInput and normedMiddle. */
  float *dInput, *dMiddle;
  /** Slopes of query, key, value, of attention's output with its residual, of gate and up. */
  float *dQuery, *dKey, *dValue, *dAttended, *dGate, *dUp;
};

Parts partsOn(const LlamaLayer& layer, Shelf& shelf) {
  const int64_t rows = layer.rows(), count = layer.count, width = layer.width, inner = layer.inner;
  const int64_t wide = layer.wide(), narrow = layer.narrow();
  return {shelf.take(rows * width),   shelf.take(count * wide),   shelf.take(count * width), shelf.take(count * inner),
          shelf.take(rows * width),   shelf.take(count * width),  shelf.take(rows * wide),   shelf.take(rows * narrow),
          shelf.take(rows * narrow),  shelf.take(count * width),  shelf.take(count * inner), shelf.take(count * inner)};
}

Parts partsOf(const LlamaLayer& layer) {
  Shelf sizes;
  partsOn(layer, sizes);
  Shelf shelf(sharedScratch(SLOPES, sizes.taken()));
  return partsOn(layer, shelf);
}

Parts from(const LlamaLayer& layer, const Parts& parts, Offset offset) {
  const auto [rows, chosen] = offset;
  const int64_t width = layer.width, inner = layer.inner, wide = layer.wide(), narrow = layer.narrow();
  return {parts.normedInput + rows * width, parts.mixed + chosen * wide,     parts.normedMiddle + chosen * width,
          parts.gated + chosen * inner,     parts.dInput + rows * width,     parts.dMiddle + chosen * width,
          parts.dQuery + rows * wide,       parts.dKey + rows * narrow,      parts.dValue + rows * narrow,
          parts.dAttended + chosen * width, parts.dGate + chosen * inner,    parts.dUp + chosen * inner};
}

void runGroupGradient(const LlamaLayer& layer, const Weights& weights, const Values& values, const float* dy,
                      const Parts& to, float* dx) {
  const int64_t rows = layer.rows(), count = layer.count, width = layer.width, inner = count * layer.inner;
  swiglu(inner, values.gate, values.up, to.gated);
  projectBack(count, dy, weights.down, to.dGate);
  // The slope of gate takes the place of the slope it is made of, which is not read again.
  swigluGradient(inner, values.gate, values.up, to.dGate, to.dGate, to.dUp);
  float* scales = scratch(SCALES, std::max(rows, count));
  rmsNorm(count, width, values.attended, layer.feedForwardNorm, layer.epsilon, to.normedMiddle, scales);
  projectBack(count, to.dGate, weights.gate, to.dMiddle);
  projectBack(count, to.dUp, weights.up, to.dMiddle, true);
  rmsNormGradient(count, width, values.attended, layer.feedForwardNorm, values.feedForwardScales, to.dMiddle,
                  to.dAttended, dy);

  chosen(layer, layer.wide(), values.mixed, to.mixed);
  float* dMixed = scratch(ROWS_A, count * layer.wide());
  projectBack(count, to.dAttended, weights.attentionOutput, dMixed);
  attendGradient(attentionOf(layer, values), values.mixed, values.logSums,
                 spread(layer, layer.wide(), dMixed, ROWS_B), to.dQuery, to.dKey, to.dValue);
  turn(layer, layer.heads, -1, to.dQuery);
  turn(layer, layer.kvHeads, -1, to.dKey);
  rmsNorm(rows, width, layer.x, layer.attentionNorm, layer.epsilon, to.normedInput, scales);
  projectBack(rows, to.dQuery, weights.query, to.dInput);
  projectBack(rows, to.dKey, weights.key, to.dInput, true);
  projectBack(rows, to.dValue, weights.value, to.dInput, true);
  rmsNormGradient(rows, width, layer.x, layer.attentionNorm, values.attentionScales, to.dInput, dx,
                  spread(layer, width, to.dAttended, ROWS_B));
}

/** The gradients of all matrices: slopesᵀ·inputs each. */
void weightGradients(const LlamaLayer& layer, const Values& values, const float* dy, const Parts& parts,
                     const LlamaLayerGradients& to) {
  const int64_t rows = layer.rows(), count = layer.count, width = layer.width, inner = layer.inner;
  const int64_t wide = layer.wide(), narrow = layer.narrow();
  const float* mixed = layer.wanted == nullptr ? values.mixed : parts.mixed;
  Packing inputs[] = {{rows, width, {parts.normedInput, width, 1}, nullptr},
                      {count, wide, {mixed, wide, 1}, nullptr},
                      {count, width, {parts.normedMiddle, width, 1}, nullptr},
                      {count, inner, {parts.gated, inner, 1}, nullptr}};
  enum Input : int { NORMED_INPUT, MIXED, NORMED_MIDDLE, GATED };
  int64_t total = 0;
  for (const Packing& input : inputs) total += sizeOf(input);
  const bool isOne = total <= MOST_INPUTS;
  if (isOne) packAt(INPUTS, 4, inputs);
  const auto gradient = [&](int64_t out, const float* slopes, Input number, float* gradients) -> Product {
    const auto& [k, in, b, packed] = inputs[number];
    return {out, in, k, {slopes, 1, out}, b, gradients, in, false, nullptr, 0, packed};
  };
  const Product products[] = {
      gradient(wide, parts.dQuery, NORMED_INPUT, to.query),
      gradient(narrow, parts.dKey, NORMED_INPUT, to.key),
      gradient(narrow, parts.dValue, NORMED_INPUT, to.value),
      gradient(width, parts.dAttended, MIXED, to.attentionOutput),
      gradient(inner, parts.dGate, NORMED_MIDDLE, to.gate),
      gradient(inner, parts.dUp, NORMED_MIDDLE, to.up),
      gradient(width, dy, GATED, to.down),
  };
  if (isOne)
    multiplyAll(7, products);
  else
    for (const Product& product : products) multiply(product);
}

}  // namespace

void runLlamaLayerGradient(const LlamaLayer& layer, float* kept, const float* dy, const LlamaLayerGradients& to) {
  Shelf shelf(kept);
  const Values values = valuesOn(layer, shelf);
  const int64_t size = groupSize(layer), width = layer.width;
  Weights weights(layer);
  if (size < layer.batch) weights.packAll(false);
  const Parts parts = partsOf(layer);
  inGroups(layer, size, [&](const LlamaLayer& group, Offset offset) {
    runGroupGradient(group, weights, from(layer, values, offset), dy + offset.chosen * width,
                     from(layer, parts, offset), to.x + offset.rows * width);
  });
  gainGradient(layer.count, width, values.attended, nullptr, values.feedForwardScales, parts.dMiddle,
               to.feedForwardNorm);
  gainGradient(layer.rows(), width, layer.x, nullptr, values.attentionScales, parts.dInput, to.attentionNorm);
  weightGradients(layer, values, dy, parts, to);
}

}  // namespace fourfold
