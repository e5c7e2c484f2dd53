// A whole layer of Llama's kind, forward and backward (Touvron et al. 2023, section 2.2). What the backward pass does not need
// lies in memory that every layer uses again, and so stays in the caches.
#pragma once
#include <cstdint>

namespace fourfold {

struct LlamaLayer {
  int64_t batch, time, width, heads, kvHeads, headDim, inner;
  /** x [batch, time, width] */
  const float* x;
  /** int32 [batch, time] and [batch] */
  const int32_t *positions, *keyStart;
  /** int32 [count]: the rows whose outputs are wanted; null for all, batch·time then. */
  const int32_t* wanted;
  int64_t count;
  /** The number of x's first row. */
  int64_t firstRow;
  /** [maxPositions, headDim / 2] each */
  const float *cos, *sin;
  /** Matrices [out, in]. */
  const float *attentionNorm, *query, *key, *value, *attentionOutput, *feedForwardNorm, *gate, *up, *down;
  float epsilon, scale;
  /** A query sees this many keys at most; 0: all. */
  int64_t window;

  int64_t rows() const { return batch * time; }
  /** Values of a row's queries, and of its keys. */
  int64_t wide() const { return heads * headDim; }
  int64_t narrow() const { return kvHeads * headDim; }
};

/** Floats that the forward pass leaves for the backward pass, in an order of its own. */
int64_t sizeOfValues(const LlamaLayer& layer);

/** @param values `sizeOfValues` floats; null where nobody wants them kept @param y [count, width] */
void runLlamaLayer(const LlamaLayer& layer, float* values, float* y);

/** Like the weights; x [rows, width]. */
struct LlamaLayerGradients {
  float *x, *attentionNorm, *query, *key, *value, *attentionOutput, *feedForwardNorm, *gate, *up, *down;
};

/** @param dy [count, width] */
void runLlamaLayerGradient(const LlamaLayer& layer, float* values, const float* dy,
                           const LlamaLayerGradients& to);

}  // namespace fourfold
