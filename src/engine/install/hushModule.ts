// A small native module that keeps standard error shut while TensorFlow's library is loaded: it prints news of the
// processor there at every start, whatever its own log level says.

/** File name of the module, in the folder of the binding. */
export const HUSH_FILE = 'hush.node';

/** What the module exports. */
export interface Hush {
  /** Sends standard error nowhere. */
  shut(): void;
  /** Takes it back. */
  open(): void;
}

export const HUSH_SOURCE = `#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int kept = -1;

static napi_value Shut(napi_env, napi_callback_info) {
  int nowhere = open("/dev/null", O_WRONLY);
  if (kept < 0 && nowhere >= 0) {
    kept = dup(2);
    dup2(nowhere, 2);
  }
  if (nowhere >= 0) close(nowhere);
  return nullptr;
}

static napi_value Open(napi_env, napi_callback_info) {
  if (kept >= 0) {
    dup2(kept, 2);
    close(kept);
    kept = -1;
  }
  return nullptr;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value shut, open;
  napi_create_function(env, "shut", NAPI_AUTO_LENGTH, Shut, nullptr, &shut);
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, Open, nullptr, &open);
  napi_set_named_property(env, exports, "shut", shut);
  napi_set_named_property(env, exports, "open", open);
  return exports;
}

NAPI_MODULE(hush, Init)
`;
