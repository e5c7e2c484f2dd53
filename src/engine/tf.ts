// The tensor library as an ES module: plain operations, their derivatives, and types. Starting a back end is backend.ts's;
// the fused operations are ops/'s. Importing this file starts nothing.
import './derivatives/elementwise.ts';
import './derivatives/reductions.ts';
import './derivatives/shapes.ts';

export * from '@tensorflow/tfjs-core';
