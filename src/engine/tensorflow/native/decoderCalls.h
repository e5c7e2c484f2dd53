// Decoders as JavaScript has them: by number. Their weights come as tensors, through an operation; the rest by plain arrays.
#pragma once
#include <node_api.h>

namespace fourfold {

/** (Float64Array of DecoderShape's fields) -> number */
napi_value makeDecoder(napi_env env, napi_callback_info info);
/** (number) */
napi_value freeDecoder(napi_env env, napi_callback_info info);
/** (number, from, to, length) */
napi_value copySlot(napi_env env, napi_callback_info info);
/**
 * (number, rows: Int32Array of token, slot, position each; and for a draw: inverseTemperature, isGreedy,
 * uniforms: Float64Array, tokens: Int32Array, logProbs: Float32Array, entropy: Float32Array; or, for the logits alone:
 * logits: Float32Array)
 */
napi_value runDecoder(napi_env env, napi_callback_info info);

/** FourfoldDecoderLoad: values, settings: number, part, layer. @returns TensorFlow's words where it refuses */
const char* registerDecoderOperations();

}  // namespace fourfold
