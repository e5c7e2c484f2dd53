// Log-probabilities of tokens from hidden states, log softmax(scale·hidden·Wᵀ)[target], the entropy, and the gradients.
#pragma once
#include <cstdint>

namespace fourfold {

struct LogProbs {
  int64_t n, width, vocab;
  /** hidden [n, width], weight [vocab, width] */
  const float *hidden, *weight;
  /** int32 [n] */
  const int32_t* targets;
  float scale;
};

/** How many rows of logits are held at once where they are not kept. */
int64_t rowsAtOnce(const LogProbs& given);

/** The values alone. `kept` [n, vocab] receives p - onehot, the slopes of -logProb by the scaled logits, or is null. */
void logProbs(const LogProbs& given, float* values, float* entropy, float* kept);

/** Values and, for the same slope `dy` of the loss by each value, the gradients; either may be null. */
void logProbsWithGradient(const LogProbs& given, float dy, float* values, float* entropy, float* dHidden,
                          float* dWeight);

/** The gradients from `kept`, or by computing the logits again where that is null; either may be null. */
void logProbsGradient(const LogProbs& given, const float* kept, const float* dy, float* dHidden, float* dWeight);

}  // namespace fourfold
