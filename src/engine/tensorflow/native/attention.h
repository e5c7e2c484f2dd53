// Causal grouped-query attention and its gradient; nothing of the size [heads, time, keys] is kept.
#pragma once
#include <cstdint>

namespace fourfold {

struct Attention {
  int64_t batch, time, keys, heads, kvHeads, headDim;
  /** query [batch, time, heads, headDim]; key and value [batch, keys, kvHeads, headDim] */
  const float *query, *key, *value;
  /** int32 [batch]: the first valid key. */
  const int32_t* keyStart;
  float scale;
  /** A query sees this many keys at most; 0: all. */
  int64_t window;
  /** Scores s become cap·tanh(s / cap); 0: they stay. */
  float softcap;
};

/** out like query, and logSums [batch, heads, time] for the gradient. */
void attend(const Attention& given, float* out, float* logSums);

void attendGradient(const Attention& given, const float* out, const float* logSums, const float* dOut, float* dQuery,
                    float* dKey, float* dValue);

}  // namespace fourfold
