// The larger fused kernels on wasm: attention, token log-probabilities, the gated activation, optimiser and norms.
import { defineKernel, expectIdsFit } from './define.ts';
import { type KernelRuntime, sizeOf, type TensorInfo } from './runtime.ts';

export function defineFusedKernels(runtime: KernelRuntime): void {
  defineAttention(runtime);
  defineLogProbs(runtime);
  defineElementwise(runtime);
}

function defineAttention(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);
  const sizes = (query: TensorInfo, key: TensorInfo) => {
    const [batch, time, heads, dim] = query.shape as [number, number, number, number];
    const [, keys, kvHeads] = key.shape as [number, number, number, number];
    return [batch, time, keys, heads, kvHeads, dim] as const;
  };

  defineKernel('FourfoldAttention', ({ input, number }) => {
    const [query, key, value, keyStart] = [input('query'), input('key'), input('value'), input('keyStart')];
    const [batch, time, keys, heads, kvHeads, dim] = sizes(query, key);
    const [out, logSums] = [runtime.output(query.shape), runtime.output([batch, heads, time])];
    const scratch = runtime.scratch(kernels.attentionScratch(keys));
    const tensors = [at(query), at(key), at(value), at(keyStart)];
    kernels.attention(
      ...[batch, time, keys, heads, kvHeads, dim],
      ...tensors,
      ...[number('scale'), at(out), at(logSums), scratch],
    );
    return [out, logSums];
  });

  defineKernel('FourfoldAttentionGradient', ({ input, number }) => {
    const [query, key, value, keyStart] = [input('query'), input('key'), input('value'), input('keyStart')];
    const [batch, time, keys, heads, kvHeads, dim] = sizes(query, key);
    const [dQuery, dKey, dValue] = [query, key, value].map(({ shape }) => runtime.output(shape)) as [
      TensorInfo,
      TensorInfo,
      TensorInfo,
    ];
    const scratch = runtime.scratch(kernels.attentionScratch(keys));
    kernels.attentionGradient(
      ...[batch, time, keys, heads, kvHeads, dim],
      ...[at(query), at(key), at(value), at(keyStart), number('scale')],
      ...[at(input('out')), at(input('logSums')), at(input('dy')), at(dQuery), at(dKey), at(dValue), scratch],
    );
    return [dQuery, dKey, dValue];
  });
}

function defineLogProbs(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);

  defineKernel('FourfoldTokenLogProbs', ({ input, number }) => {
    const [hidden, weight, targets] = [input('hidden'), input('weight'), input('targets')];
    const [n, width] = hidden.shape as [number, number];
    const vocab = weight.shape[0] ?? 0;
    expectIdsFit(runtime, 'tokenLogProbs', targets, vocab);
    const [logProbs, entropy, logSums] = [runtime.output([n]), runtime.output([n]), runtime.output([n])];
    const scratch = runtime.scratch(kernels.logProbsScratch(n));
    kernels.logProbs(
      ...[n, vocab, width, at(hidden), at(weight), at(targets), number('scale')],
      ...[at(logProbs), at(entropy), at(logSums), scratch],
    );
    return [logProbs, entropy, logSums];
  });

  // dHidden and dWeight; the attributes tell which are wanted, and only those come back.
  defineKernel('FourfoldTokenLogProbsGradient', ({ input, number, attributes }) => {
    const [hidden, weight, targets] = [input('hidden'), input('weight'), input('targets')];
    const [n, width] = hidden.shape as [number, number];
    const vocab = weight.shape[0] ?? 0;
    const dHidden = attributes.wantsHidden === true ? runtime.output(hidden.shape) : null;
    const dWeight = attributes.wantsWeight === true ? runtime.output(weight.shape) : null;
    const scratch = runtime.scratch(kernels.logProbsScratch(n));
    kernels.logProbsGradient(
      ...[n, vocab, width, at(hidden), at(weight), at(targets), number('scale')],
      ...[at(input('logSums')), at(input('dy'))],
      ...[dHidden === null ? 0 : at(dHidden), dWeight === null ? 0 : at(dWeight), scratch],
    );
    return [dHidden, dWeight].filter((gradient) => gradient !== null);
  });
}

function defineElementwise(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);

  // tfjs's own copies the values; every tensor saved for a backward pass goes through it.
  defineKernel('Identity', ({ input }) => runtime.share(input('x')));

  defineKernel('FourfoldSwiglu', ({ input }) => {
    const gate = input('gate');
    const y = runtime.output(gate.shape);
    kernels.swiglu(sizeOf(gate.shape), at(gate), at(input('up')), at(y));
    return y;
  });
  defineKernel('FourfoldSwigluGradient', ({ input }) => {
    const gate = input('gate');
    const [dGate, dUp] = [runtime.output(gate.shape), runtime.output(gate.shape)];
    kernels.swigluGradient(sizeOf(gate.shape), at(gate), at(input('up')), at(input('dy')), at(dGate), at(dUp));
    return [dGate, dUp];
  });

  // In place: value, m and v change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ input, number }) => {
    const [value, m, v, gradient] = [input('value'), input('m'), input('v'), input('gradient')];
    const [beta1, beta2] = [number('beta1'), number('beta2')];
    kernels.adamW(
      ...[sizeOf(value.shape), at(value), at(m), at(v), at(gradient)],
      ...[beta1, 1 - beta1, beta2, 1 - beta2],
      ...[number('rate'), number('rootScale'), number('epsilon'), number('keep')],
    );
    return [];
  });

  // sqrt(Σ over all inputs of Σ x²)
  defineKernel('FourfoldGlobalNorm', ({ inputs }) => {
    let total = 0;
    for (const tensor of Object.values(inputs)) total += kernels.sumOfSquares(sizeOf(tensor.shape), at(tensor));
    return runtime.scalar(Math.sqrt(total));
  });
  // x · min(1, maxNorm / (norm + 1e-6))
  defineKernel('FourfoldClip', ({ input, number }) => {
    const x = input('x');
    const factor = Math.min(1, number('maxNorm') / (runtime.read(input('norm')) + 1e-6));
    const y = runtime.output(x.shape);
    kernels.scale(sizeOf(x.shape), at(x), factor, at(y));
    return y;
  });
}
