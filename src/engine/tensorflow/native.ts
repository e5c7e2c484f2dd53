// Our own kernels in C++ (native/), which the installation compiles for the processor at hand and registers as operations of
// TensorFlow. Where they are not there, or a GPU computes, TensorFlow's own operations do the work.

/** The part of the module that is not reached as operations. */
export interface NativeModule {
  setThreads(count: number): void;
  /** Gives back the memory of TensorFlow's code that is not in use; it comes again from the file where it is. */
  releasePages(): void;
  /** A decoder by the fields of DecoderShape in native/decoder.h; its number. */
  makeDecoder(shape: Float64Array): number;
  freeDecoder(decoder: number): void;
  copySlot(decoder: number, from: number, to: number, length: number): void;
  /** Keys and values of the rows: token, slot and position each. */
  runDecoder(decoder: number, rows: Int32Array): void;
  /** And their logits. */
  runDecoder(decoder: number, rows: Int32Array, logits: Float32Array): void;
  /** And a token after each. */
  runDecoder(
    decoder: number,
    rows: Int32Array,
    inverseTemperature: number,
    isGreedy: number,
    uniforms: Float64Array,
    tokens: Int32Array,
    logProbs: Float32Array,
    entropy: Float32Array,
  ): void;
}

let loaded: NativeModule | null = null;

/** Gives the module whose operations are registered; null where there is none. */
export function setNative(module: NativeModule | null): void {
  loaded = module;
}

export function nativeModule(): NativeModule | null {
  return loaded;
}
