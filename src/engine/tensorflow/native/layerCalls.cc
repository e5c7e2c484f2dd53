// The layer as operations of TensorFlow.
#include "call.h"
#include "llamaLayer.h"

namespace fourfold {
namespace {

// Inputs of both operations, then those of the backward pass: what the forward pass kept, and dy.
enum Input : int {
  X, POSITIONS, KEY_START, WANTED, COS, SIN, SETTINGS,
  ATTENTION_NORM, QUERY, KEY, VALUE, ATTENTION_OUTPUT, FEED_FORWARD_NORM, GATE, UP, DOWN,
  KEPT
};
/** Values that the forward pass keeps. */
constexpr int KEEPS = 10;

/** settings: heads, kvHeads, epsilon, scale, window, keeps, choosesRows */
LlamaLayer layerOf(Call& call) {
  const float* settings = call.floats(SETTINGS);
  LlamaLayer layer{};
  layer.batch = call.dim(X, 0);
  layer.time = call.dim(X, 1);
  layer.width = call.dim(X, 2);
  layer.heads = static_cast<int64_t>(settings[0]);
  layer.kvHeads = static_cast<int64_t>(settings[1]);
  layer.headDim = call.dim(QUERY, 0) / layer.heads;
  layer.inner = call.dim(GATE, 0);
  layer.x = call.floats(X);
  layer.positions = call.integers(POSITIONS);
  layer.keyStart = call.integers(KEY_START);
  const bool isAll = settings[6] == 0;
  layer.wanted = isAll ? nullptr : call.integers(WANTED);
  layer.count = isAll ? layer.rows() : call.size(WANTED);
  layer.cos = call.floats(COS);
  layer.sin = call.floats(SIN);
  layer.attentionNorm = call.floats(ATTENTION_NORM);
  layer.query = call.floats(QUERY);
  layer.key = call.floats(KEY);
  layer.value = call.floats(VALUE);
  layer.attentionOutput = call.floats(ATTENTION_OUTPUT);
  layer.feedForwardNorm = call.floats(FEED_FORWARD_NORM);
  layer.gate = call.floats(GATE);
  layer.up = call.floats(UP);
  layer.down = call.floats(DOWN);
  layer.epsilon = settings[2];
  layer.scale = settings[3];
  layer.window = static_cast<int64_t>(settings[4]);
  return layer;
}

bool isReadable(Call& call) {
  return call.areWithin(POSITIONS, call.dim(COS, 0)) && call.areWithin(WANTED, call.dim(X, 0) * call.dim(X, 1));
}

/** The values by their places among the outputs of the forward pass. */
LlamaLayerValues valuesOf(float* const* kept) {
  return {kept[0], kept[1], kept[2], kept[3], kept[4], kept[5], kept[6], kept[7], kept[8], kept[9]};
}

void runForward(Call& call) {
  if (!isReadable(call)) return;
  const LlamaLayer layer = layerOf(call);
  const bool isAll = layer.wanted == nullptr;
  const int64_t batch = layer.batch, time = layer.time, dims = layer.headDim;
  const std::vector<int64_t> whole{isAll ? batch : 1, isAll ? time : layer.count, layer.width};
  const std::vector<int64_t> inner{whole[0], whole[1], layer.inner};
  const std::vector<int64_t> shapes[KEEPS] = {
      {layer.rows()},
      {layer.count},
      {batch, time, layer.heads, dims},
      {batch, time, layer.kvHeads, dims},
      {batch, time, layer.kvHeads, dims},
      {batch, time, layer.heads, dims},
      {batch, layer.heads, time},
      whole,
      inner,
      inner,
  };
  float* y = call.output(0, whole);
  const bool keeps = call.floats(SETTINGS)[5] != 0;
  float* kept[KEEPS];
  for (int i = 0; i < KEEPS; i++) kept[i] = call.output(1 + i, keeps ? shapes[i] : std::vector<int64_t>{0});
  if (!keeps) {
    runLlamaLayer(layer, passingValues(layer), y);
    return;
  }
  runLlamaLayer(layer, valuesOf(kept), y);
}

void runBackward(Call& call) {
  if (!isReadable(call)) return;
  const LlamaLayer layer = layerOf(call);
  float* kept[KEEPS];
  for (int i = 0; i < KEEPS; i++) kept[i] = call.floats(KEPT + i);
  float* of[KEEPS];
  of[0] = call.outputLike(0, X);
  for (int i = 1; i < 10; i++) of[i] = call.outputLike(i, ATTENTION_NORM + i - 1);
  runLlamaLayerGradient(layer, valuesOf(kept), call.floats(KEPT + KEEPS),
                        {of[0], of[1], of[2], of[3], of[4], of[5], of[6], of[7], of[8], of[9]});
}

}  // namespace

const char* registerLayerOperations() {
  const auto one = {"x: float",   "positions: int32", "key_start: int32", "wanted: int32",           "cos: float",
                    "sin: float", "settings: float",  "attention_norm: float", "query: float",       "key: float",
                    "value: float", "attention_output: float", "feed_forward_norm: float", "gate: float", "up: float",
                    "down: float"};
  registerOperation("FourfoldLlamaLayer", one,
                    {"y: float", "attention_scales: float", "feed_forward_scales: float", "kept_query: float",
                     "kept_key: float", "kept_value: float", "mixed: float", "log_sums: float", "attended: float",
                     "kept_gate: float", "kept_up: float"},
                    nullptr, computeBy<runForward>);
  return registerOperation(
      "FourfoldLlamaLayerGradient",
      {"x: float", "positions: int32", "key_start: int32", "wanted: int32", "cos: float", "sin: float",
       "settings: float", "attention_norm: float", "query: float", "key: float", "value: float",
       "attention_output: float", "feed_forward_norm: float", "gate: float", "up: float", "down: float",
       "attention_scales: float", "feed_forward_scales: float", "kept_query: float", "kept_key: float",
       "kept_value: float", "mixed: float", "log_sums: float", "attended: float", "kept_gate: float", "kept_up: float",
       "dy: float"},
      {"d_x: float", "d_attention_norm: float", "d_query: float", "d_key: float", "d_value: float",
       "d_attention_output: float", "d_feed_forward_norm: float", "d_gate: float", "d_up: float", "d_down: float"},
      nullptr, computeBy<runBackward>);
}

}  // namespace fourfold
