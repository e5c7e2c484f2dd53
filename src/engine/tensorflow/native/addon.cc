// The module as Node loads it: registers the operations, and gives what is no operation.
#include <node_api.h>

#if defined(__linux__)
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstring>

#include "call.h"
#include "decoderCalls.h"
#include "pool.h"

namespace fourfold {
namespace {

napi_value setThreadCount(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  int32_t wanted = 1;
  napi_get_value_int32(env, argument, &wanted);
  setThreads(wanted);
  return nullptr;
}

#if defined(__linux__)
/** Gives back the pages of TensorFlow's code and constants, which come again from the file where they are read. */
int dropPages(dl_phdr_info* info, size_t, void*) {
  if (info->dlpi_name == nullptr || std::strstr(info->dlpi_name, "libtensorflow") == nullptr) return 0;
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const uintptr_t start = (info->dlpi_addr + part.p_vaddr + page - 1) / page * page;
    const uintptr_t end = (info->dlpi_addr + part.p_vaddr + part.p_filesz) / page * page;
    if (end > start) madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }
  return 0;
}
#endif

napi_value releasePages(napi_env, napi_callback_info) {
#if defined(__linux__)
  dl_iterate_phdr(dropPages, nullptr);
#endif
  return nullptr;
}

}  // namespace
}  // namespace fourfold

static napi_value init(napi_env env, napi_value exports) {
  using namespace fourfold;
  static bool isRegistered = false;
  if (!isRegistered) {
    const char* refusal = registerOperations();
    if (refusal[0] == '\0') refusal = registerLayerOperations();
    if (refusal[0] == '\0') refusal = registerDecoderOperations();
    if (refusal[0] != '\0') {
      napi_throw_error(env, nullptr, refusal);
      return exports;
    }
    isRegistered = true;
  }
  const auto give = [&](const char* name, napi_callback run) {
    napi_value made;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, run, nullptr, &made);
    napi_set_named_property(env, exports, name, made);
  };
  give("setThreads", setThreadCount);
  give("releasePages", releasePages);
  give("makeDecoder", makeDecoder);
  give("freeDecoder", freeDecoder);
  give("copySlot", copySlot);
  give("runDecoder", runDecoder);
  return exports;
}

NAPI_MODULE(fourfold, init)
