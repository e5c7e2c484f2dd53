// Kernels over rows on wasm: softmax, log-softmax, normalisation, rotary positions, embedding.
import { defineKernel, expectIdsFit, rowsOf } from './define.ts';
import type { KernelRuntime, TensorInfo } from './runtime.ts';

export function defineRowKernels(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);

  for (const [name, forward, backward] of [
    ['FourfoldSoftmax', kernels.softmax, kernels.softmaxGradient],
    ['FourfoldLogSoftmax', kernels.logSoftmax, kernels.logSoftmaxGradient],
  ] as const) {
    defineKernel(name, ({ input }) => {
      const x = input('x');
      const { rows, width } = rowsOf(x.shape);
      const y = runtime.output(x.shape);
      forward(rows, width, at(x), at(y));
      return y;
    });
    defineKernel(`${name}Gradient`, ({ input }) => {
      const y = input('y');
      const { rows, width } = rowsOf(y.shape);
      const dx = runtime.output(y.shape);
      backward(rows, width, at(y), at(input('dy')), at(dx));
      return dx;
    });
  }

  defineKernel('FourfoldRmsNorm', ({ input, number }) => {
    const x = input('x');
    const { rows, width } = rowsOf(x.shape);
    const [y, scales] = [runtime.output(x.shape), runtime.output([rows])];
    kernels.rmsNorm(rows, width, at(x), at(input('weight')), number('epsilon'), at(y), at(scales));
    return [y, scales];
  });
  defineKernel('FourfoldRmsNormGradient', ({ input }) => {
    const x = input('x');
    const { rows, width } = rowsOf(x.shape);
    const dx = runtime.output(x.shape);
    kernels.rmsNormGradient(rows, width, at(x), at(input('weight')), at(input('scales')), at(input('dy')), at(dx));
    return dx;
  });
  defineKernel('FourfoldRmsNormGainGradient', ({ input }) => {
    const { rows, width } = rowsOf(input('x').shape);
    const dGain = runtime.output([width]);
    kernels.rmsNormGainGradient(rows, width, at(input('x')), at(input('scales')), at(input('dy')), at(dGain));
    return dGain;
  });

  defineKernel('FourfoldRotary', ({ input, number }) => {
    const [x, positions, cos] = [input('x'), input('positions'), input('cos')];
    const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
    expectIdsFit(runtime, 'rotary', positions, cos.shape[0] ?? 0);
    const y = runtime.output(x.shape);
    const [tokens, half] = [batch * time, headDim / 2];
    kernels.rotary(tokens, heads, half, at(x), at(positions), at(cos), at(input('sin')), number('sign'), at(y));
    return y;
  });

  defineKernel('FourfoldEmbedding', ({ input }) => {
    const [table, ids] = [input('table'), input('ids')];
    const [vocab, width] = table.shape as [number, number];
    expectIdsFit(runtime, 'embedding', ids, vocab);
    const rows = runtime.output([...ids.shape, width]);
    kernels.gather(rowsOf(rows.shape).rows, width, at(table), at(ids), at(rows));
    return rows;
  });
  defineKernel('FourfoldEmbeddingGradient', ({ input, number }) => {
    const dy = input('dy');
    const { rows, width } = rowsOf(dy.shape);
    const dTable = runtime.output([number('vocab'), width]);
    kernels.scatterAdd(rows, width, number('vocab'), at(dy), at(input('ids')), at(dTable));
    return dTable;
  });
}
