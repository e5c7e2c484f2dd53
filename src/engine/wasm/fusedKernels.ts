// The larger fused kernels on wasm: attention, activations, sums of equal shapes.
import * as tf from '../tf.ts';
import { defineKernel } from './define.ts';
import type { KernelName } from './exports.ts';
import { defineLogProbs } from './logProbs.ts';
import { defineOptimizer } from './optimizer.ts';
import { type KernelRuntime, sizeOf, type TensorInfo } from './runtime.ts';

export function defineFusedKernels(runtime: KernelRuntime): void {
  defineAttention(runtime);
  defineLogProbs(runtime);
  defineElementwise(runtime);
  defineOptimizer(runtime);
}

function defineAttention(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);
  const sizes = (query: TensorInfo, key: TensorInfo) => {
    const [batch, time, heads, dim] = query.shape as [number, number, number, number];
    const [, keys, kvHeads] = key.shape as [number, number, number, number];
    return [batch, time, keys, heads, kvHeads, dim] as const;
  };

  /** Window and cap; 0 stands for none. */
  const bounds = ({ window = 0, softcap = 0 }: Record<string, unknown>) => [Number(window), Number(softcap)];

  for (const forward of ['FourfoldAttention', 'FourfoldBoundedAttention']) {
    defineKernel(forward, ({ input, number, attributes }) => {
      const [query, key, value, keyStart] = [input('query'), input('key'), input('value'), input('keyStart')];
      const [batch, time, keys, heads, kvHeads, dim] = sizes(query, key);
      const [out, logSums] = [runtime.output(query.shape), runtime.output([batch, heads, time])];
      const rest = [
        ...[time, keys, heads, kvHeads, dim],
        ...[at(query), at(key), at(value), at(keyStart), number('scale'), ...bounds(attributes)],
        ...[at(out), at(logSums)],
      ];
      const parts = runtime.parts(batch * heads, 1, batch * heads * time * keys * dim);
      runtime.run(
        'attention',
        parts.map((part) => [...part, ...rest]),
        kernels.attentionScratch(keys, dim),
      );
      return [out, logSums];
    });

    defineKernel(`${forward}Gradient`, ({ input, number, attributes }) => {
      const [query, key, value, keyStart] = [input('query'), input('key'), input('value'), input('keyStart')];
      const [batch, time, keys, heads, kvHeads, dim] = sizes(query, key);
      const [dQuery, dKey, dValue] = [query, key, value].map(({ shape }) => runtime.output(shape)) as [
        TensorInfo,
        TensorInfo,
        TensorInfo,
      ];
      const rest = [
        ...[time, keys, heads, kvHeads, dim],
        ...[at(query), at(key), at(value), at(keyStart), number('scale'), ...bounds(attributes)],
        ...[at(input('out')), at(input('logSums')), at(input('dy')), at(dQuery), at(dKey), at(dValue)],
      ];
      // By key heads, which gather over their query heads in one order.
      const parts = runtime.parts(batch * kvHeads, 1, batch * heads * time * keys * dim);
      runtime.run(
        'attentionGradient',
        parts.map((part) => [...part, ...rest]),
        kernels.attentionScratch(keys, dim),
      );
      return [dQuery, dKey, dValue];
    });
  }
}

/** The time of one value in the time of multiply-adds of a product. */
const [SWIGLU_WORK, GELU_WORK, ADD_WORK] = [16, 24, 6];

function defineElementwise(runtime: KernelRuntime): void {
  const at = (tensor: TensorInfo): number => runtime.address(tensor);
  /** A kernel over n values at each of `addresses`, on all threads. */
  const run = (name: KernelName, n: number, work: number, addresses: number[], rest: number[] = []): void => {
    const operands = (start: number): number[] => [...addresses.map((address) => address + start * 4), ...rest];
    runtime.runOver(name, { count: n, unit: 4, work: n * work }, operands);
  };

  // tfjs's own copies the values; every tensor saved for a backward pass goes through it.
  defineKernel('Identity', ({ input }) => runtime.share(input('x')));

  defineKernel('FourfoldSwiglu', ({ input }) => {
    const gate = input('gate');
    const y = runtime.output(gate.shape);
    run('swiglu', sizeOf(gate.shape), SWIGLU_WORK, [gate, input('up'), y].map(at));
    return y;
  });
  defineKernel('FourfoldSwigluGradient', ({ input }) => {
    const gate = input('gate');
    const [dGate, dUp] = [runtime.output(gate.shape), runtime.output(gate.shape)];
    const tensors = [gate, input('up'), input('dy'), dGate, dUp];
    run('swigluGradient', sizeOf(gate.shape), SWIGLU_WORK, tensors.map(at));
    return [dGate, dUp];
  });

  defineKernel('FourfoldGelu', ({ input, attributes }) => {
    const x = input('x');
    const y = runtime.output(x.shape);
    run('gelu', sizeOf(x.shape), GELU_WORK, [x, y].map(at), [attributes.isTanh === true ? 1 : 0]);
    return y;
  });
  defineKernel('FourfoldGeluGradient', ({ input, attributes }) => {
    const x = input('x');
    const dx = runtime.output(x.shape);
    run('geluGradient', sizeOf(x.shape), GELU_WORK, [x, input('dy'), dx].map(at), [attributes.isTanh === true ? 1 : 0]);
    return dx;
  });

  // Residual branches and gradients that meet; other sums go to tfjs's own.
  const stock = tf.getKernel('Add', 'wasm');
  defineKernel('Add', ({ inputs, input }) => {
    const [a, b] = [input('a'), input('b')];
    const isPlain = [a, b].every(({ dtype }) => dtype === 'float32') && tf.util.arraysEqual(a.shape, b.shape);
    if (!isPlain && stock !== undefined) {
      const call = { inputs: inputs as unknown as tf.NamedTensorInfoMap, backend: tf.backend() };
      return stock.kernelFunc(call) as unknown as TensorInfo;
    }
    const sum = runtime.output(a.shape);
    run('add', sizeOf(a.shape), ADD_WORK, [a, b, sum].map(at));
    return sum;
  });
}
