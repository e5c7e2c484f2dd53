// The module's exports. Addresses are bytes in the memory of tfjs's own module.
export { fillRows, sumRows } from './bias';
export { gemm, gemmInt8, gemmRows, gemmScratch } from './gemm';
export { packB } from './pack';
export { packedGemm } from './packedGemm';
export { sharedGemm } from './sharedGemm';
export {
  softmax, softmaxGradient, logSoftmax, logSoftmaxGradient, rmsNorm, rmsNormGradient, rmsNormGainGradient,
  rotary, gather, scatterAdd, idsFit,
} from './rows';
export { swiglu, swigluGradient, add } from './pointwise';
export { adamW, squaresRun, sumsOfSquares } from './optimizer';
export { layerNorm, layerNormGradient, layerNormGainGradient } from './layerNorm';
export { gelu, geluGradient } from './gelu';
export { attention, attentionGradient, attentionScratch } from './attention';
export { slotAttention, slotAttentionScratch } from './slotAttention';
export { scatterRows } from './cache';
export { decode, decodeScratch, packPanels, panelColumns } from './decode';
export { logProbs, logProbsWithGradient, logProbsBlock, logProbsScratch, logitGradient } from './logProbs';
export { constantsSize, setConstants } from './vector';
export { sampleRows, sampleScratch } from './sample';
