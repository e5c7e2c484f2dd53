#include "decoderCalls.h"

#include <map>
#include <new>

#include "call.h"
#include "decoder.h"

namespace fourfold {
namespace {

std::map<int32_t, Decoder> decoders;
int32_t nextNumber = 1;

template <int COUNT>
struct Arguments {
  napi_env env;
  napi_value values[COUNT];
  size_t count = COUNT;

  Arguments(napi_env given, napi_callback_info info) : env(given) {
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
  double number(int index) const {
    double value = 0;
    napi_get_value_double(env, values[index], &value);
    return value;
  }
  template <typename T>
  T* array(int index, size_t* length = nullptr) const {
    void* data = nullptr;
    napi_typedarray_type type;
    napi_get_typedarray_info(env, values[index], &type, length, &data, nullptr, nullptr);
    return static_cast<T*>(data);
  }
  Decoder* decoder() const {
    const auto found = decoders.find(static_cast<int32_t>(number(0)));
    if (found != decoders.end()) return &found->second;
    napi_throw_error(env, nullptr, "Expected the number of a decoder.");
    return nullptr;
  }
};

/** Calls `work`; where it finds no memory, that is an error in JavaScript. */
template <typename Work>
void guarded(napi_env env, const Work& work) {
  try {
    work();
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, nullptr, "Expected memory for the decoder; there is none left. Take fewer sequences at once.");
  }
}

void runLoad(Call& call) {
  const float* settings = call.floats(1);
  const auto found = decoders.find(static_cast<int32_t>(settings[0]));
  call.output(0, {0});
  if (found == decoders.end()) return call.fail("Expected the number of a decoder.");
  found->second.load(static_cast<Part>(settings[1]), static_cast<int64_t>(settings[2]), call.dim(0, 0), call.dim(0, 1),
                     call.floats(0));
}

}  // namespace

napi_value makeDecoder(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  const double* n = given.array<double>(0);
  const auto whole = [n](int i) { return static_cast<int64_t>(n[i]); };
  const DecoderShape shape{whole(0), whole(1), whole(2), whole(3), whole(4), whole(5), whole(6), whole(7), whole(8),
                           static_cast<float>(n[9]), static_cast<float>(n[10])};
  bool isMade = false;
  guarded(env, [&] { isMade = decoders.emplace(nextNumber, shape).second; });
  if (!isMade) return nullptr;
  napi_value number;
  napi_create_int32(env, nextNumber++, &number);
  return number;
}

napi_value freeDecoder(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  decoders.erase(static_cast<int32_t>(given.number(0)));
  return nullptr;
}

napi_value copySlot(napi_env env, napi_callback_info info) {
  const Arguments<4> given(env, info);
  Decoder* decoder = given.decoder();
  if (decoder != nullptr) decoder->copy(given.number(1), given.number(2), given.number(3));
  return nullptr;
}

napi_value runDecoder(napi_env env, napi_callback_info info) {
  const Arguments<8> given(env, info);
  Decoder* decoder = given.decoder();
  if (decoder == nullptr) return nullptr;
  size_t numbers = 0;
  const Row* rows = reinterpret_cast<const Row*>(given.array<int32_t>(1, &numbers));
  Draw draw{};
  if (given.count == 3) draw.logits = given.array<float>(2);
  if (given.count == 8) {
    draw = {static_cast<float>(given.number(2)), given.number(3) != 0, given.array<double>(4), given.array<int32_t>(5),
            given.array<float>(6),               given.array<float>(7), nullptr};
  }
  guarded(env, [&] { decoder->run(rows, numbers / 3, given.count > 2 ? &draw : nullptr); });
  return nullptr;
}

const char* registerDecoderOperations() {
  return registerOperation("FourfoldDecoderLoad", {"values: float", "settings: float"}, {"nothing: float"}, nullptr,
                           computeBy<runLoad>);
}

}  // namespace fourfold
