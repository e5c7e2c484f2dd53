// One call of an operation by TensorFlow, through its C API for kernels (tensorflow/c/kernels.h).
#pragma once
#include <initializer_list>
#include <new>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace fourfold {

class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {
    inputs_.resize(TF_NumInputs(context), nullptr);
    for (size_t i = 0; i < inputs_.size(); i++) TF_GetInput(context, i, &inputs_[i], status_);
  }
  Call(const Call&) = delete;
  ~Call() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : inputs_)
      if (tensor != nullptr) TF_DeleteTensor(tensor);
    for (TF_Tensor* tensor : outputs_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }

  int count() const { return inputs_.size(); }
  float* floats(int input) const { return static_cast<float*>(TF_TensorData(inputs_[input])); }
  int32_t* integers(int input) const { return static_cast<int32_t*>(TF_TensorData(inputs_[input])); }
  int64_t size(int input) const { return TF_TensorElementCount(inputs_[input]); }
  int rank(int input) const { return TF_NumDims(inputs_[input]); }
  /** From the end where negative; 1 where the shape is shorter. */
  int64_t dim(int input, int index) const {
    const int at = index < 0 ? rank(input) + index : index;
    return at < 0 || at >= rank(input) ? 1 : TF_Dim(inputs_[input], at);
  }
  /** The product of all dimensions but the last. */
  int64_t rows(int input) const {
    int64_t product = 1;
    for (int i = 0; i + 1 < rank(input); i++) product *= dim(input, i);
    return product;
  }
  std::vector<int64_t> shape(int input) const {
    std::vector<int64_t> dims;
    for (int i = 0; i < rank(input); i++) dims.push_back(dim(input, i));
    return dims;
  }

  /** @throws std::bad_alloc where TensorFlow has no memory for it; the call fails then, in TensorFlow's words. */
  float* output(int index, const std::vector<int64_t>& dims) {
    int64_t size = 1;
    for (const int64_t n : dims) size *= n;
    TF_Tensor* made = TF_AllocateOutput(context_, index, TF_FLOAT, dims.data(), dims.size(), size * 4, status_);
    if (made == nullptr) throw std::bad_alloc();
    outputs_.push_back(made);
    return static_cast<float*>(TF_TensorData(made));
  }
  float* outputLike(int index, int input) { return output(index, shape(input)); }

  /** Whether an input's integers are numbers below `limit`; the call fails where not, and nothing may be read by them. */
  bool areWithin(int input, int64_t limit) {
    const int32_t* ids = integers(input);
    for (int64_t i = 0; i < size(input); i++) {
      if (ids[i] >= 0 && ids[i] < limit) continue;
      fail(("Expected numbers below " + std::to_string(limit) + "; got " + std::to_string(ids[i])).c_str());
      return false;
    }
    return true;
  }

  void fail(const char* message) { TF_SetStatus(status_, TF_INVALID_ARGUMENT, message); }
  /** For want of memory, of which TensorFlow may have told already. */
  void failForMemory() {
    if (TF_GetCode(status_) != TF_OK) return;
    TF_SetStatus(status_, TF_RESOURCE_EXHAUSTED, "Expected memory for what lies between the results; there is none left.");
  }

 private:
  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> inputs_;
  std::vector<TF_Tensor*> outputs_;
};

typedef void (*Compute)(void*, TF_OpKernelContext*);

/** Registers an operation and its kernel for the CPU. @returns TensorFlow's words where it refuses, else an empty string */
const char* registerOperation(const char* name, std::initializer_list<const char*> inputs,
                              std::initializer_list<const char*> outputs, const char* attribute, Compute compute);

template <void (*Run)(Call&)>
void computeBy(void*, TF_OpKernelContext* context) {
  Call call(context);
  // Nothing may be thrown through TensorFlow.
  try {
    Run(call);
  } catch (const std::bad_alloc&) {
    call.failForMemory();
  }
}

/** Registers all operations but those below. @returns as above */
const char* registerOperations();
/** FourfoldLlamaLayer and its gradient. @returns as above */
const char* registerLayerOperations();

}  // namespace fourfold
