// The module's exports. Addresses are bytes in the memory of tfjs's own module.
export { fillRows, sumRows } from './bias';
export { gemm, gemmScratch } from './gemm';
export {
  softmax, softmaxGradient, logSoftmax, logSoftmaxGradient, rmsNorm, rmsNormGradient, rmsNormGainGradient,
  rotary, gather, scatterAdd, idsFit,
} from './rows';
export { swiglu, swigluGradient, adamW, sumOfSquares, scale } from './pointwise';
export { layerNorm, layerNormGradient, layerNormGainGradient } from './layerNorm';
export { gelu, geluGradient } from './gelu';
export { attention, attentionGradient, attentionScratch } from './attention';
export { logProbs, logProbsBlock, logProbsScratch, logitGradient } from './logProbs';
export { constantsSize, setConstants } from './vector';
