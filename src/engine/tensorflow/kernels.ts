// Our kernels on TensorFlow. Each is a few of TensorFlow's own operations in a row; derivatives are those of the wasm
// kernels of the same names.

import { registerDecoder } from '../decoder.ts';
import * as tf from '../tf.ts';
import { registerKernelGradients } from '../wasm/gradients.ts';
import { defineAttention } from './attention.ts';
import { makeTensorflowDecoder } from './decoder.ts';
import { defineLogProbs } from './logProbs.ts';
import { nativeModule } from './native.ts';
import { defineNativeKernels } from './nativeKernels.ts';
import { defineNativeLayer } from './nativeLayer.ts';
import { defineOptimizer } from './optimizer.ts';
import { defineRowKernels } from './rowKernels.ts';

/** Defines them once; the back end tensorflow must be the current one. */
export function defineTensorflowKernels(): void {
  if (tf.getKernel('FourfoldLinear', 'tensorflow') !== undefined) return;
  registerKernelGradients();
  if (nativeModule() === null) {
    defineRowKernels();
    defineAttention();
    defineLogProbs();
    defineOptimizer();
  } else {
    defineNativeKernels();
    defineNativeLayer();
  }
  registerDecoder('tensorflow', makeTensorflowDecoder);
}
