// What the compiled kernels export; see assembly/ for each. Addresses and sizes in bytes are plain numbers.

type Kernel = (...values: number[]) => void;
type Measure = (...values: number[]) => number;

export interface KernelExports {
  constantsSize: Measure;
  setConstants: Kernel;
  gemm: Kernel;
  gemmInt8: Kernel;
  gemmScratch: Measure;
  gemmRows: Measure;
  sharedGemm: Kernel;
  packB: Kernel;
  packedGemm: Kernel;
  fillRows: Kernel;
  sumRows: Kernel;
  softmax: Kernel;
  softmaxGradient: Kernel;
  logSoftmax: Kernel;
  logSoftmaxGradient: Kernel;
  rmsNorm: Kernel;
  rmsNormGradient: Kernel;
  rmsNormGainGradient: Kernel;
  layerNorm: Kernel;
  layerNormGradient: Kernel;
  layerNormGainGradient: Kernel;
  gelu: Kernel;
  geluGradient: Kernel;
  rotary: Kernel;
  gather: Kernel;
  scatterAdd: Kernel;
  idsFit: Measure;
  swiglu: Kernel;
  swigluGradient: Kernel;
  adamW: Kernel;
  sumsOfSquares: Kernel;
  squaresRun: Measure;
  add: Kernel;
  attention: Kernel;
  attentionGradient: Kernel;
  attentionScratch: Measure;
  logProbs: Kernel;
  logProbsWithGradient: Kernel;
  logProbsBlock: Measure;
  logProbsScratch: Measure;
  logitGradient: Kernel;
  slotAttention: Kernel;
  slotAttentionScratch: Measure;
  scatterRows: Kernel;
  sampleRows: Kernel;
  sampleScratch: Measure;
  packPanels: Kernel;
  panelColumns: Measure;
  decode: Kernel;
  decodeScratch: Measure;
}

export type KernelName = keyof KernelExports;
