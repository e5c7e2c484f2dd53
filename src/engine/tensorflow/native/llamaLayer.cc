#include "llamaLayer.h"

#include <algorithm>

#include "attention.h"
#include "pool.h"
#include "products.h"
#include "rows.h"

namespace fourfold {
namespace {

// Places of shared memory that hold values within one layer; those of a product and the sums have others.
enum Place : int { NORMED = 8, INNER_A, INNER_B, ROWS_A, ROWS_B, QUERIES, KEYS, VALUES, SCALES, PASSING };

/** to = from·weightᵀ + residual, where that is not null. */
void project(int64_t rows, int64_t in, int64_t out, const float* from, const float* weight, float* to,
             const float* residual = nullptr) {
  multiply({rows, out, in, {from, in, 1}, {weight, 1, in}, to, out, false, residual, out});
}

/** to = dy·weight, or added to what is there. */
void projectBack(int64_t rows, int64_t in, int64_t out, const float* dy, const float* weight, float* to,
                 bool accumulates = false) {
  multiply({rows, in, out, {dy, out, 1}, {weight, in, 1}, to, in, accumulates});
}

/** to = dyᵀ·from */
void weightGradient(int64_t rows, int64_t in, int64_t out, const float* dy, const float* from, float* to) {
  multiply({out, in, rows, {dy, 1, out}, {from, in, 1}, to, in});
}

Attention attentionOf(const LlamaLayer& layer, const LlamaLayerValues& values) {
  return {layer.batch,  layer.time, layer.time,   layer.heads,    layer.kvHeads, layer.headDim, values.query,
          values.key,   values.value, layer.keyStart, layer.scale,  layer.window,  0};
}

/** The wanted rows, in a place of their own, or all as they are. */
const float* chosen(const LlamaLayer& layer, int64_t width, const float* from, Place place) {
  if (layer.wanted == nullptr) return from;
  float* rows = sharedScratch(place, layer.count * width);
  gatherRows(layer.count, width, from, layer.wanted, rows);
  return rows;
}

/** The slopes of `chosen`: rows at their places among zeros. */
const float* spread(const LlamaLayer& layer, int64_t width, const float* slopes, Place place) {
  if (layer.wanted == nullptr) return slopes;
  float* rows = sharedScratch(place, layer.rows() * width);
  scatterRows(layer.count, width, layer.rows(), slopes, layer.wanted, rows);
  return rows;
}

}  // namespace

LlamaLayerValues passingValues(const LlamaLayer& layer) {
  const int64_t rows = layer.rows(), wide = layer.heads * layer.headDim, narrow = layer.kvHeads * layer.headDim;
  const int64_t sizes[] = {rows,        layer.count,         rows * wide,           rows * narrow,
                           rows * narrow, rows * wide,       layer.heads * rows,    layer.count * layer.width,
                           layer.count * layer.inner, layer.count * layer.inner};
  int64_t total = 0;
  for (const int64_t size : sizes) total += size;
  float* next = sharedScratch(PASSING, total);
  float* at[10];
  for (int i = 0; i < 10; i++) {
    at[i] = next;
    next += sizes[i];
  }
  return {at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8], at[9]};
}

void runLlamaLayer(const LlamaLayer& layer, const LlamaLayerValues& values, float* y) {
  const int64_t rows = layer.rows(), count = layer.count, width = layer.width, inner = layer.inner;
  const int64_t wide = layer.heads * layer.headDim, narrow = layer.kvHeads * layer.headDim;
  float* normed = sharedScratch(NORMED, std::max(rows, count) * width);
  rmsNorm(rows, width, layer.x, layer.attentionNorm, layer.epsilon, normed, values.attentionScales);
  project(rows, width, wide, normed, layer.query, values.query);
  project(rows, width, narrow, normed, layer.key, values.key);
  project(rows, width, narrow, normed, layer.value, values.value);
  const auto turn = [&](int64_t heads, float* at) {
    rotary(rows, heads, layer.headDim, at, layer.positions, layer.cos, layer.sin, 1, at);
  };
  turn(layer.heads, values.query);
  turn(layer.kvHeads, values.key);
  attend(attentionOf(layer, values), values.mixed, values.logSums);

  project(count, wide, width, chosen(layer, wide, values.mixed, ROWS_A), layer.attentionOutput, values.attended,
          chosen(layer, width, layer.x, QUERIES));
  rmsNorm(count, width, values.attended, layer.feedForwardNorm, layer.epsilon, normed, values.feedForwardScales);
  project(count, width, inner, normed, layer.gate, values.gate);
  project(count, width, inner, normed, layer.up, values.up);
  float* gated = sharedScratch(INNER_A, count * inner);
  swiglu(count * inner, values.gate, values.up, gated);
  project(count, inner, width, gated, layer.down, y, values.attended);
}

namespace {

/** Slopes of the layer's middle, where attention was added; in ROWS_A. */
const float* feedForwardGradient(const LlamaLayer& layer, const LlamaLayerValues& values, const float* dy,
                                 const LlamaLayerGradients& to) {
  const int64_t count = layer.count, width = layer.width, inner = layer.inner;
  float *gated = sharedScratch(INNER_A, count * inner), *slopes = sharedScratch(INNER_B, count * inner);
  swiglu(count * inner, values.gate, values.up, gated);
  weightGradient(count, inner, width, dy, gated, to.down);
  projectBack(count, inner, width, dy, layer.down, slopes);
  // Each slope is read before those that take its place are written.
  float *dGate = slopes, *dUp = gated;
  swigluGradient(count * inner, values.gate, values.up, slopes, dGate, dUp);
  float* normed = sharedScratch(NORMED, count * width);
  float* scales = sharedScratch(SCALES, count);
  rmsNorm(count, width, values.attended, layer.feedForwardNorm, layer.epsilon, normed, scales);
  weightGradient(count, width, inner, dGate, normed, to.gate);
  weightGradient(count, width, inner, dUp, normed, to.up);
  float* dNormed = sharedScratch(ROWS_B, count * width);
  projectBack(count, width, inner, dGate, layer.gate, dNormed);
  projectBack(count, width, inner, dUp, layer.up, dNormed, true);
  gainGradient(count, width, values.attended, nullptr, values.feedForwardScales, dNormed, to.feedForwardNorm);
  float* dAttended = sharedScratch(ROWS_A, count * width);
  rmsNormGradient(count, width, values.attended, layer.feedForwardNorm, values.feedForwardScales, dNormed, dAttended, dy);
  return dAttended;
}

}  // namespace

void runLlamaLayerGradient(const LlamaLayer& layer, const LlamaLayerValues& values, const float* dy,
                           const LlamaLayerGradients& to) {
  const int64_t rows = layer.rows(), count = layer.count, width = layer.width;
  const int64_t wide = layer.heads * layer.headDim, narrow = layer.kvHeads * layer.headDim;
  const float* dAttended = feedForwardGradient(layer, values, dy, to);

  weightGradient(count, wide, width, dAttended, chosen(layer, wide, values.mixed, INNER_A), to.attentionOutput);
  float* dRows = sharedScratch(ROWS_B, count * wide);
  projectBack(count, wide, width, dAttended, layer.attentionOutput, dRows);
  float *dQuery = sharedScratch(QUERIES, rows * wide), *dKey = sharedScratch(KEYS, rows * narrow);
  float* dValue = sharedScratch(VALUES, rows * narrow);
  attendGradient(attentionOf(layer, values), values.mixed, values.logSums, spread(layer, wide, dRows, INNER_A), dQuery,
                 dKey, dValue);
  const auto turnBack = [&](int64_t heads, float* at) {
    rotary(rows, heads, layer.headDim, at, layer.positions, layer.cos, layer.sin, -1, at);
  };
  turnBack(layer.heads, dQuery);
  turnBack(layer.kvHeads, dKey);

  float* normed = sharedScratch(NORMED, rows * width);
  rmsNorm(rows, width, layer.x, layer.attentionNorm, layer.epsilon, normed, sharedScratch(SCALES, rows));
  weightGradient(rows, width, wide, dQuery, normed, to.query);
  weightGradient(rows, width, narrow, dKey, normed, to.key);
  weightGradient(rows, width, narrow, dValue, normed, to.value);
  float* dNormed = sharedScratch(ROWS_B, rows * width);
  projectBack(rows, width, wide, dQuery, layer.query, dNormed);
  projectBack(rows, width, narrow, dKey, layer.key, dNormed, true);
  projectBack(rows, width, narrow, dValue, layer.value, dNormed, true);
  gainGradient(rows, width, layer.x, nullptr, values.attentionScales, dNormed, to.attentionNorm);
  rmsNormGradient(rows, width, layer.x, layer.attentionNorm, values.attentionScales, dNormed, to.x,
                  spread(layer, width, dAttended, INNER_B));
}

}  // namespace fourfold
