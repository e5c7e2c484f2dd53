// The kernels as operations of TensorFlow, which its eager executor runs by name like any of its own. Numbers that are no
// tensors come in `settings`, a tensor of a few floats, since attributes would make TensorFlow keep a kernel for each value.
#include <cmath>
#include <string>

#include "attention.h"
#include "call.h"
#include "logProbs.h"
#include "optimizer.h"
#include "pool.h"
#include "products.h"
#include "rows.h"

namespace fourfold {
namespace {

/** x [..., in], weight [out, in], bias [out] or [0] */
void runLinear(Call& call) {
  const int64_t rows = call.rows(0), in = call.dim(0, -1), out = call.dim(1, 0);
  std::vector<int64_t> shape = call.shape(0);
  shape.back() = out;
  float* y = call.output(0, shape);
  Product product{rows, out, in, {call.floats(0), in, 1}, {call.floats(1), 1, in}, y, out};
  if (call.size(2) > 0) product.base = call.floats(2);
  multiply(product);
}

/** dx = dy·W: dy [..., out], weight [out, in] */
void runLinearInputGradient(Call& call) {
  const int64_t rows = call.rows(0), out = call.dim(0, -1), in = call.dim(1, 1);
  std::vector<int64_t> shape = call.shape(0);
  shape.back() = in;
  multiply({rows, in, out, {call.floats(0), out, 1}, {call.floats(1), in, 1}, call.output(0, shape), in});
}

/** dW = dyᵀ·x: dy [..., out], x [..., in] */
void runLinearWeightGradient(Call& call) {
  const int64_t rows = call.rows(0), out = call.dim(0, -1), in = call.dim(1, -1);
  multiply({out, in, rows, {call.floats(0), 1, out}, {call.floats(1), in, 1}, call.output(0, {out, in}), in});
}

void runSumRows(Call& call) {
  const int64_t width = call.dim(0, -1);
  sumRows(call.rows(0), width, call.floats(0), call.output(0, {width}));
}

/** table [vocab, width], ids [...] */
void runEmbedding(Call& call) {
  if (!call.areWithin(1, call.dim(0, 0))) return;
  const int64_t width = call.dim(0, 1);
  std::vector<int64_t> shape = call.shape(1);
  shape.push_back(width);
  gatherRows(call.size(1), width, call.floats(0), call.integers(1), call.output(0, shape));
}

/** dy [..., width], ids [...], settings: vocab */
void runEmbeddingGradient(Call& call) {
  const int64_t width = call.dim(0, -1), vocab = static_cast<int64_t>(call.floats(2)[0]);
  if (!call.areWithin(1, vocab)) return;
  scatterRows(call.size(1), width, vocab, call.floats(0), call.integers(1), call.output(0, {vocab, width}));
}

/** x, gain, settings: epsilon */
void runRmsNorm(Call& call) {
  const int64_t rows = call.rows(0);
  float* y = call.outputLike(0, 0);
  rmsNorm(rows, call.dim(0, -1), call.floats(0), call.floats(1), call.floats(2)[0], y, call.output(1, {rows}));
}

/** x, gain, scales, dy */
void runRmsNormGradient(Call& call) {
  rmsNormGradient(call.rows(0), call.dim(0, -1), call.floats(0), call.floats(1), call.floats(2), call.floats(3),
                  call.outputLike(0, 0));
}

/** x, means or [0], scales, dy */
void runGainGradient(Call& call) {
  const int64_t width = call.dim(0, -1);
  gainGradient(call.rows(0), width, call.floats(0), call.size(1) > 0 ? call.floats(1) : nullptr, call.floats(2),
               call.floats(3), call.output(0, {width}));
}

/** x, gain, bias, settings: epsilon */
void runLayerNorm(Call& call) {
  const int64_t rows = call.rows(0);
  float *y = call.outputLike(0, 0), *means = call.output(1, {rows}), *scales = call.output(2, {rows});
  layerNorm(rows, call.dim(0, -1), call.floats(0), call.floats(1), call.floats(2), call.floats(3)[0], y, means,
            scales);
}

/** x, gain, means, scales, dy */
void runLayerNormGradient(Call& call) {
  layerNormGradient(call.rows(0), call.dim(0, -1), call.floats(0), call.floats(1), call.floats(2), call.floats(3),
                    call.floats(4), call.outputLike(0, 0));
}

/** x [batch, time, heads, dims], positions, cos, sin, settings: sign */
void runRotary(Call& call) {
  if (!call.areWithin(1, call.dim(2, 0))) return;
  rotary(call.size(1), call.dim(0, 2), call.dim(0, 3), call.floats(0), call.integers(1), call.floats(2),
         call.floats(3), call.floats(4)[0], call.outputLike(0, 0));
}

void runSwiglu(Call& call) { swiglu(call.size(0), call.floats(0), call.floats(1), call.outputLike(0, 0)); }

/** gate, up, dy */
void runSwigluGradient(Call& call) {
  float *dGate = call.outputLike(0, 0), *dUp = call.outputLike(1, 0);
  swigluGradient(call.size(0), call.floats(0), call.floats(1), call.floats(2), dGate, dUp);
}

/** x, settings: isTanh */
void runGelu(Call& call) { gelu(call.size(0), call.floats(1)[0] != 0, call.floats(0), call.outputLike(0, 0)); }

/** x, dy, settings: isTanh */
void runGeluGradient(Call& call) {
  geluGradient(call.size(0), call.floats(2)[0] != 0, call.floats(0), call.floats(1), call.outputLike(0, 0));
}

void runSoftmax(Call& call) { softmax(call.rows(0), call.dim(0, -1), call.floats(0), call.outputLike(0, 0)); }
void runLogSoftmax(Call& call) { logSoftmax(call.rows(0), call.dim(0, -1), call.floats(0), call.outputLike(0, 0)); }
/** y, dy */
void runSoftmaxGradient(Call& call) {
  softmaxGradient(call.rows(0), call.dim(0, -1), call.floats(0), call.floats(1), call.outputLike(0, 0));
}
void runLogSoftmaxGradient(Call& call) {
  logSoftmaxGradient(call.rows(0), call.dim(0, -1), call.floats(0), call.floats(1), call.outputLike(0, 0));
}

void runAdd(Call& call) { add(call.size(0), call.floats(0), call.floats(1), call.outputLike(0, 0)); }

/** query, key, value, keyStart, settings: scale, window, softcap */
Attention attentionOf(Call& call) {
  const float* settings = call.floats(4);
  return {call.dim(0, 0),   call.dim(0, 1),   call.dim(1, 1),   call.dim(0, 2),
          call.dim(1, 2),   call.dim(0, 3),   call.floats(0),   call.floats(1),
          call.floats(2),   call.integers(3), settings[0],      static_cast<int64_t>(settings[1]),
          settings[2]};
}

void runAttention(Call& call) {
  const Attention given = attentionOf(call);
  float* out = call.outputLike(0, 0);
  attend(given, out, call.output(1, {given.batch, given.heads, given.time}));
}

/** and out, logSums, dOut */
void runAttentionGradient(Call& call) {
  float *dQuery = call.outputLike(0, 0), *dKey = call.outputLike(1, 1), *dValue = call.outputLike(2, 2);
  attendGradient(attentionOf(call), call.floats(5), call.floats(6), call.floats(7), dQuery, dKey, dValue);
}

/** hidden, weight, targets, settings: scale first */
LogProbs logProbsOf(Call& call) {
  return {call.dim(0, 0), call.dim(0, 1),   call.dim(1, 0),   call.floats(0),
          call.floats(1), call.integers(2), call.floats(3)[0]};
}

/** settings: scale, keeps, foresees, slope, wantsWeight */
void runLogProbs(Call& call) {
  const LogProbs given = logProbsOf(call);
  if (!call.areWithin(2, given.vocab)) return;
  const float* settings = call.floats(3);
  const bool keeps = settings[1] != 0, foresees = settings[2] != 0, wantsWeight = settings[4] != 0;
  float *values = call.output(0, {given.n}), *entropy = call.output(1, {given.n});
  float* kept = keeps ? call.output(2, {given.n, given.vocab}) : call.output(2, {0});
  float* dHidden = foresees ? call.outputLike(3, 0) : call.output(3, {0});
  float* dWeight = foresees && wantsWeight ? call.outputLike(4, 1) : call.output(4, {0});
  if (foresees)
    logProbsWithGradient(given, settings[3], values, entropy, dHidden, wantsWeight ? dWeight : nullptr);
  else
    logProbs(given, values, entropy, keeps ? kept : nullptr);
}

/** hidden, weight, targets, settings: scale, wantsHidden, wantsWeight; kept or [0]; dy */
void runLogProbsGradient(Call& call) {
  const LogProbs given = logProbsOf(call);
  if (!call.areWithin(2, given.vocab)) return;
  const bool wantsHidden = call.floats(3)[1] != 0, wantsWeight = call.floats(3)[2] != 0;
  float* dHidden = wantsHidden ? call.outputLike(0, 0) : call.output(0, {0});
  float* dWeight = wantsWeight ? call.outputLike(1, 1) : call.output(1, {0});
  logProbsGradient(given, call.size(4) == given.n * given.vocab ? call.floats(4) : nullptr, call.floats(5),
                   wantsHidden ? dHidden : nullptr, wantsWeight ? dWeight : nullptr);
}

/**
 * All values, all first moments, all second ones, all gradients; scale; settings: beta1, beta2, epsilon, rate, rootScale, and
 * keep of each parameter. In place: values and moments change, which must have no other owner.
 */
void runAdamW(Call& call) {
  const int count = (call.count() - 2) / 4;
  const float *scale = call.floats(4 * count), *s = call.floats(4 * count + 1);
  std::vector<Parameter> parameters;
  for (int i = 0; i < count; i++)
    parameters.push_back({call.floats(i), call.floats(count + i), call.floats(2 * count + i), call.floats(3 * count + i),
                          call.size(i), s[5 + i]});
  adamW(parameters, {s[0], s[1], s[2], s[3], s[4], scale[0]});
  call.output(0, {0});
}

void runNorm(Call& call) {
  double sum = 0;
  for (int i = 0; i < call.count(); i++) sum += sumOfSquares(call.size(i), call.floats(i));
  call.output(0, {})[0] = static_cast<float>(std::sqrt(sum));
}

/** A tensor of its own with the same values. */
void runCopy(Call& call) { copy(call.size(0), call.floats(0), call.outputLike(0, 0)); }

std::string refusal;

}  // namespace

const char* registerOperation(const char* name, std::initializer_list<const char*> inputs,
                              std::initializer_list<const char*> outputs, const char* attribute, Compute compute) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  if (attribute != nullptr) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetIsStateful(definition, true);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, [](TF_ShapeInferenceContext* context, TF_Status* result) {
    TF_ShapeInferenceContextSetUnknownShape(context, result);
  });
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_KernelBuilder* builder = TF_NewKernelBuilder(name, "CPU", nullptr, compute, nullptr);
    TF_RegisterKernelBuilder(name, builder, status);
  }
  if (TF_GetCode(status) != TF_OK) refusal = std::string(name) + ": " + TF_Message(status);
  TF_DeleteStatus(status);
  return refusal.c_str();
}

const char* registerOperations() {
  const auto one = {"y: float"};
  registerOperation("FourfoldLinear", {"x: float", "weight: float", "bias: float"}, one, nullptr, computeBy<runLinear>);
  registerOperation("FourfoldLinearInputGradient", {"dy: float", "weight: float"}, one, nullptr,
                    computeBy<runLinearInputGradient>);
  registerOperation("FourfoldLinearWeightGradient", {"dy: float", "x: float"}, one, nullptr,
                    computeBy<runLinearWeightGradient>);
  registerOperation("FourfoldSumRows", {"x: float"}, one, nullptr, computeBy<runSumRows>);
  registerOperation("FourfoldEmbedding", {"table: float", "ids: int32"}, one, nullptr, computeBy<runEmbedding>);
  registerOperation("FourfoldEmbeddingGradient", {"dy: float", "ids: int32", "settings: float"}, one, nullptr,
                    computeBy<runEmbeddingGradient>);
  registerOperation("FourfoldRmsNorm", {"x: float", "gain: float", "settings: float"}, {"y: float", "scales: float"},
                    nullptr, computeBy<runRmsNorm>);
  registerOperation("FourfoldRmsNormGradient", {"x: float", "gain: float", "scales: float", "dy: float"}, one, nullptr,
                    computeBy<runRmsNormGradient>);
  registerOperation("FourfoldGainGradient", {"x: float", "means: float", "scales: float", "dy: float"}, one, nullptr,
                    computeBy<runGainGradient>);
  registerOperation("FourfoldLayerNorm", {"x: float", "gain: float", "bias: float", "settings: float"},
                    {"y: float", "means: float", "scales: float"}, nullptr, computeBy<runLayerNorm>);
  registerOperation("FourfoldLayerNormGradient",
                    {"x: float", "gain: float", "means: float", "scales: float", "dy: float"}, one, nullptr,
                    computeBy<runLayerNormGradient>);
  registerOperation("FourfoldRotary", {"x: float", "positions: int32", "cos: float", "sin: float", "settings: float"},
                    one, nullptr, computeBy<runRotary>);
  registerOperation("FourfoldSwiglu", {"gate: float", "up: float"}, one, nullptr, computeBy<runSwiglu>);
  registerOperation("FourfoldSwigluGradient", {"gate: float", "up: float", "dy: float"},
                    {"d_gate: float", "d_up: float"}, nullptr, computeBy<runSwigluGradient>);
  registerOperation("FourfoldGelu", {"x: float", "settings: float"}, one, nullptr, computeBy<runGelu>);
  registerOperation("FourfoldGeluGradient", {"x: float", "dy: float", "settings: float"}, one, nullptr,
                    computeBy<runGeluGradient>);
  registerOperation("FourfoldSoftmax", {"x: float"}, one, nullptr, computeBy<runSoftmax>);
  registerOperation("FourfoldSoftmaxGradient", {"x: float", "dy: float"}, one, nullptr, computeBy<runSoftmaxGradient>);
  registerOperation("FourfoldLogSoftmax", {"x: float"}, one, nullptr, computeBy<runLogSoftmax>);
  registerOperation("FourfoldLogSoftmaxGradient", {"x: float", "dy: float"}, one, nullptr,
                    computeBy<runLogSoftmaxGradient>);
  registerOperation("FourfoldAdd", {"a: float", "b: float"}, one, nullptr, computeBy<runAdd>);
  registerOperation("FourfoldAttention",
                    {"query: float", "key: float", "value: float", "key_start: int32", "settings: float"},
                    {"out: float", "log_sums: float"}, nullptr, computeBy<runAttention>);
  registerOperation("FourfoldAttentionGradient",
                    {"query: float", "key: float", "value: float", "key_start: int32", "settings: float", "out: float",
                     "log_sums: float", "d_out: float"},
                    {"d_query: float", "d_key: float", "d_value: float"}, nullptr, computeBy<runAttentionGradient>);
  registerOperation("FourfoldLogProbs", {"hidden: float", "weight: float", "targets: int32", "settings: float"},
                    {"values: float", "entropy: float", "kept: float", "d_hidden: float", "d_weight: float"}, nullptr,
                    computeBy<runLogProbs>);
  registerOperation("FourfoldLogProbsGradient",
                    {"hidden: float", "weight: float", "targets: int32", "settings: float", "kept: float", "dy: float"},
                    {"d_hidden: float", "d_weight: float"}, nullptr, computeBy<runLogProbsGradient>);
  registerOperation("FourfoldAdamW",
                    {"values: N * float", "m: N * float", "v: N * float", "gradients: N * float", "scale: float",
                     "settings: float"},
                    {"nothing: float"}, "N: int >= 1", computeBy<runAdamW>);
  registerOperation("FourfoldNorm", {"x: N * float"}, one, "N: int >= 1", computeBy<runNorm>);
  registerOperation("FourfoldCopy", {"x: float"}, one, nullptr, computeBy<runCopy>);
  return refusal.c_str();
}

}  // namespace fourfold
