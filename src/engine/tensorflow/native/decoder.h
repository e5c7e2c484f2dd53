// A Llama-shaped model over a few tokens against a cache of keys and values: what decoding consists of, in one call.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace fourfold {

/** Memory that is given back in the end, in large pages where the system has them. */
class Block {
 public:
  /** @throws std::bad_alloc */
  explicit Block(int64_t size = 0);
  Block(const Block&) = delete;
  Block(Block&& other) noexcept : at_(other.at_) { other.at_ = nullptr; }
  Block& operator=(Block&& other) noexcept;
  ~Block();
  float* at() const { return at_; }

 private:
  float* at_ = nullptr;
};

struct DecoderShape {
  int64_t vocab, hidden, intermediate, layers, heads, kvHeads, headDim, slots, capacity;
  float epsilon, attentionScale;
};

/** What is loaded into a decoder, by number. Matrices are [out, in]; biases follow their matrices. */
enum Part {
  EMBEDDING,
  UNEMBEDDING,
  FINAL_NORM,
  COSINES,
  SINES,
  INPUT_NORM,
  FEED_FORWARD_NORM,
  QUERY_NORM,
  KEY_NORM,
  QUERY,
  QUERY_BIAS,
  KEY,
  KEY_BIAS,
  VALUE,
  VALUE_BIAS,
  OUTPUT,
  OUTPUT_BIAS,
  GATE,
  GATE_BIAS,
  UP,
  UP_BIAS,
  DOWN,
  DOWN_BIAS,
};

struct Row {
  int32_t token, slot, position;
};

/** How tokens are drawn, and where the results go, one of each a row. */
struct Draw {
  float inverseTemperature;
  bool isGreedy;
  const double* uniforms;
  int32_t* tokens;
  float *logProbs, *entropy;
  /** [rows, vocab], where the logits are wanted and no tokens; else null. */
  float* logits;
};

class Decoder {
 public:
  explicit Decoder(const DecoderShape& shape);
  /** Matrices and vectors are copied; embedding and tables are read where they are, and must stay. */
  void load(Part part, int64_t layer, int64_t out, int64_t in, const float* values);
  /** Keys and values of the rows; and with `draw` a token after each. */
  void run(const Row* rows, int64_t count, const Draw* draw);
  void copy(int64_t from, int64_t to, int64_t length);
  const DecoderShape& shape() const { return shape_; }

 private:
  struct Linear {
    Block packed;
    std::vector<float> bias;
    int64_t out = 0, in = 0;
  };
  struct Layer {
    std::vector<float> inputNorm, feedForwardNorm, queryNorm, keyNorm;
    Linear query, key, value, output, gate, up, down;
    /** keys [slots, kvHeads, blocks of panelWidth positions, headDim, panelWidth]; values [slots, kvHeads, capacity, padded] */
    Block keys, values;
  };

  /** Rows that go through the layers together; their hidden states, the norms of these, and what a layer computes. */
  struct Group {
    const Row* rows;
    int64_t first, count;
    float *x, *normed, *query, *key, *value, *mixed, *inner;
  };

  Group groupOf(const Row* rows, int64_t first, int64_t count);
  bool isSmall() const;
  bool areApart(const Row* rows, int64_t count) const;
  /** @param allLogits [rows, vocab] of all groups; null where none are wanted */
  void runGroup(const Group& group, const Draw* draw, float* allLogits);
  void project(const Layer& layer, const Group& group) const;
  void remember(Layer& layer, const Group& group) const;
  void attend(const Layer& layer, const Group& group) const;
  void feedForward(const Layer& layer, const Group& group) const;
  void norm(const Group& group, const std::vector<float>& gain) const;
  void apply(const Linear& linear, int64_t count, const float* x, float* to, int64_t step, bool accumulates) const;
  void applyPanel(const Linear& linear, int64_t count, const float* x, int64_t panel, float* to, int64_t step,
                  bool accumulates) const;
  void choose(int64_t row, const float* logits, float* weights, const Draw& draw) const;
  float* keysOf(const Layer& layer, int64_t slot, int64_t head) const;
  float* valuesOf(const Layer& layer, int64_t slot, int64_t head) const;

  DecoderShape shape_;
  int64_t padded_, blocks_;
  std::vector<Layer> layers_;
  std::vector<float> finalNorm_;
  Linear unembedding_;
  const float *embedding_ = nullptr, *cosines_ = nullptr, *sines_ = nullptr;
  /** The values of groups, a row each. */
  std::vector<float> x_, normed_, query_, key_, value_, mixed_, inner_;
};

}  // namespace fourfold
