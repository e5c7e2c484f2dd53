// The layer as operations of TensorFlow.
#include "call.h"
#include "llamaLayer.h"

namespace fourfold {
namespace {

// Inputs of both operations, then those of the backward pass: what the forward pass kept, as one, and dy.
enum Input : int {
  X, POSITIONS, KEY_START, WANTED, COS, SIN, SETTINGS,
  ATTENTION_NORM, QUERY, KEY, VALUE, ATTENTION_OUTPUT, FEED_FORWARD_NORM, GATE, UP, DOWN,
  KEPT, DY
};

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

void runForward(Call& call) {
  if (!isReadable(call)) return;
  const LlamaLayer layer = layerOf(call);
  const bool isAll = layer.wanted == nullptr, keeps = call.floats(SETTINGS)[5] != 0;
  float* y = call.output(0, {isAll ? layer.batch : 1, isAll ? layer.time : layer.count, layer.width});
  float* kept = call.output(1, {keeps ? sizeOfValues(layer) : 0});
  runLlamaLayer(layer, keeps ? kept : nullptr, y);
}

void runBackward(Call& call) {
  if (!isReadable(call)) return;
  const LlamaLayer layer = layerOf(call);
  float* of[10];
  of[0] = call.outputLike(0, X);
  for (int i = 1; i < 10; i++) of[i] = call.outputLike(i, ATTENTION_NORM + i - 1);
  runLlamaLayerGradient(layer, call.floats(KEPT), call.floats(DY),
                        {of[0], of[1], of[2], of[3], of[4], of[5], of[6], of[7], of[8], of[9]});
}

}  // namespace

const char* registerLayerOperations() {
  const auto one = {"x: float",   "positions: int32", "key_start: int32", "wanted: int32",           "cos: float",
                    "sin: float", "settings: float",  "attention_norm: float", "query: float",       "key: float",
                    "value: float", "attention_output: float", "feed_forward_norm: float", "gate: float", "up: float",
                    "down: float"};
  registerOperation("FourfoldLlamaLayer", one,
                    {"y: float", "kept: float"}, nullptr, computeBy<runForward>);
  return registerOperation(
      "FourfoldLlamaLayerGradient",
      {"x: float", "positions: int32", "key_start: int32", "wanted: int32", "cos: float", "sin: float",
       "settings: float", "attention_norm: float", "query: float", "key: float", "value: float",
       "attention_output: float", "feed_forward_norm: float", "gate: float", "up: float", "down: float",
       "kept: float", "dy: float"},
      {"d_x: float", "d_attention_norm: float", "d_query: float", "d_key: float", "d_value: float",
       "d_attention_output: float", "d_feed_forward_norm: float", "d_gate: float", "d_up: float", "d_down: float"},
      nullptr, computeBy<runBackward>);
}

}  // namespace fourfold
