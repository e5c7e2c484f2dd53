// Our kernels on TensorFlow.
export function defineTensorflowKernels(): void {}
