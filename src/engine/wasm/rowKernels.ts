// Kernels over rows on wasm: softmax, log-softmax, normalisation, rotary positions, embedding.
import { defineKernel, expectIdsFit, rowsOf } from './define.ts';
import type { KernelName } from './exports.ts';
import type { KernelRuntime, TensorInfo } from './runtime.ts';

/** The time of one value of a row in the time of multiply-adds of a product. */
const ROW_WORK = 8;

export function defineRowKernels(runtime: KernelRuntime): void {
  const at = (tensor: TensorInfo): number => runtime.address(tensor);
  /** A kernel over rows on all threads; `operands` gives its further arguments for the rows from `start` on. */
  const run = (name: KernelName, rows: number, width: number, operands: (start: number) => number[]): void => {
    const over = { count: rows, unit: 1, work: rows * width * ROW_WORK };
    runtime.runOver(name, over, (start) => [width, ...operands(start)]);
  };

  for (const [name, forward, backward] of [
    ['FourfoldSoftmax', 'softmax', 'softmaxGradient'],
    ['FourfoldLogSoftmax', 'logSoftmax', 'logSoftmaxGradient'],
  ] as const) {
    defineKernel(name, ({ input }) => {
      const x = input('x');
      const { rows, width } = rowsOf(x.shape);
      const y = runtime.output(x.shape);
      run(forward, rows, width, (i) => [at(x), at(y)].map((address) => address + i * width * 4));
      return y;
    });
    defineKernel(`${name}Gradient`, ({ input }) => {
      const y = input('y');
      const { rows, width } = rowsOf(y.shape);
      const dx = runtime.output(y.shape);
      run(backward, rows, width, (i) => [at(y), at(input('dy')), at(dx)].map((address) => address + i * width * 4));
      return dx;
    });
  }

  defineKernel('FourfoldRmsNorm', ({ input, number }) => {
    const x = input('x');
    const { rows, width } = rowsOf(x.shape);
    const [y, scales] = [runtime.output(x.shape), runtime.output([rows])];
    run('rmsNorm', rows, width, (i) => {
      const [from, to] = [at(x) + i * width * 4, at(y) + i * width * 4];
      return [from, at(input('weight')), number('epsilon'), to, at(scales) + i * 4];
    });
    return [y, scales];
  });
  defineKernel('FourfoldRmsNormGradient', ({ input }) => {
    const x = input('x');
    const { rows, width } = rowsOf(x.shape);
    const dx = runtime.output(x.shape);
    run('rmsNormGradient', rows, width, (i) => {
      const [from, dy, to] = [x, input('dy'), dx].map((tensor) => at(tensor) + i * width * 4) as [
        number,
        number,
        number,
      ];
      return [from, at(input('weight')), at(input('scales')) + i * 4, dy, to];
    });
    return dx;
  });
  defineKernel('FourfoldRmsNormGainGradient', ({ input }) => {
    const { rows, width } = rowsOf(input('x').shape);
    const dGain = runtime.output([width]);
    const [x, scales, dy, to] = [input('x'), input('scales'), input('dy'), dGain].map(at) as [
      number,
      number,
      number,
      number,
    ];
    // By columns, so that each is one sum down the rows.
    const parts = runtime.parts(width, 16, rows * width * ROW_WORK);
    runtime.run(
      'rmsNormGainGradient',
      parts.map(([start, end]) => [rows, end - start, width, x + start * 4, scales, dy + start * 4, to + start * 4]),
    );
    return dGain;
  });

  defineKernel('FourfoldLayerNorm', ({ input, number }) => {
    const x = input('x');
    const { rows, width } = rowsOf(x.shape);
    const [y, means, scales] = [runtime.output(x.shape), runtime.output([rows]), runtime.output([rows])];
    run('layerNorm', rows, width, (i) => {
      const [from, to] = [at(x) + i * width * 4, at(y) + i * width * 4];
      return [
        from,
        at(input('weight')),
        at(input('bias')),
        number('epsilon'),
        to,
        at(means) + i * 4,
        at(scales) + i * 4,
      ];
    });
    return [y, means, scales];
  });
  defineKernel('FourfoldLayerNormGradient', ({ input }) => {
    const x = input('x');
    const { rows, width } = rowsOf(x.shape);
    const dx = runtime.output(x.shape);
    run('layerNormGradient', rows, width, (i) => {
      const of = (tensor: TensorInfo, size: number): number => at(tensor) + i * size * 4;
      const [means, scales] = [of(input('means'), 1), of(input('scales'), 1)];
      return [of(x, width), at(input('weight')), means, scales, of(input('dy'), width), of(dx, width)];
    });
    return dx;
  });
  defineKernel('FourfoldLayerNormGainGradient', ({ input }) => {
    const { rows, width } = rowsOf(input('x').shape);
    const dGain = runtime.output([width]);
    const [x, means, scales, dy] = [input('x'), input('means'), input('scales'), input('dy')].map(at);
    runtime.run('layerNormGainGradient', [[rows, width, ...([x, means, scales, dy] as number[]), at(dGain)]]);
    return dGain;
  });

  defineKernel('FourfoldRotary', ({ input, number }) => {
    const [x, positions, cos] = [input('x'), input('positions'), input('cos')];
    const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
    expectIdsFit(runtime, 'rotary', positions, cos.shape[0] ?? 0);
    const y = runtime.output(x.shape);
    const [tokens, half] = [batch * time, headDim / 2];
    const tables = [at(cos), at(input('sin')), number('sign')];
    const over = { count: tokens, unit: 1, work: tokens * heads * headDim * ROW_WORK };
    runtime.runOver('rotary', over, (start) => {
      const behind = start * heads * headDim * 4;
      return [heads, half, at(x) + behind, at(positions) + start * 4, ...tables, at(y) + behind];
    });
    return y;
  });

  defineKernel('FourfoldEmbedding', ({ input }) => {
    const [table, ids] = [input('table'), input('ids')];
    const [vocab, width] = table.shape as [number, number];
    expectIdsFit(runtime, 'embedding', ids, vocab);
    const rows = runtime.output([...ids.shape, width]);
    runtime.run('gather', [[rowsOf(rows.shape).rows, width, at(table), at(ids), at(rows)]]);
    return rows;
  });
  defineKernel('FourfoldEmbeddingGradient', ({ input, number }) => {
    const dy = input('dy');
    const { rows, width } = rowsOf(dy.shape);
    const dTable = runtime.output([number('vocab'), width]);
    runtime.run('scatterAdd', [[rows, width, number('vocab'), at(dy), at(input('ids')), at(dTable)]]);
    return dTable;
  });
}
