// The optimiser's kernels on TensorFlow: AdamW through its own fused Adam, norms and clipping.
import type { TensorInfo } from '../tf.ts';
import { defineKernel, type Value } from './raw.ts';

export function defineOptimizer(): void {
  // In place: value, m and v change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ operations, tensors, input, number }) => {
    const [keep, rootScale] = [number('keep'), number('rootScale')];
    // ResourceApplyAdam: value -= rate'·m / (sqrt(v) + ε'). Its own bias correction is off (both powers are 0): that of the
    // first moment is in `rate` already, and that of the second, which divides the root, goes into ε' and rate'.
    const rate = number('rate') / rootScale;
    const settings = [0, 0, rate, number('beta1'), number('beta2'), number('epsilon') / rootScale];
    const scalars = settings.map((value) => operations.scalar(value));
    const gradient = input('gradient');
    const value = keep === 1 ? input('value') : operations.mul(input('value'), operations.scalar(keep));
    const changing = ['value', 'm', 'v'].map((name) => tensors[name] as TensorInfo);
    operations.updateInPlace(changing, [value, input('m'), input('v')], (variables) => {
      operations.runMany('ResourceApplyAdam', [...variables, ...scalars, gradient], [], 0);
    });
    return [];
  });

  // sqrt(Σ over all inputs of Σ x²); L2Loss is half of a sum of squares.
  defineKernel('FourfoldGlobalNorm', ({ operations, tensors, input }) => {
    const halves: Value[] = Object.keys(tensors).map((name) => operations.run('L2Loss', [input(name)]));
    const half = operations.runOverList('AddN', halves);
    return operations.run('Sqrt', [operations.mul(half, operations.scalar(2))]);
  });

  // x · min(1, maxNorm / (norm + 1e-6)); shared, where that is x itself
  defineKernel('FourfoldClip', ({ operations, input, number }) => {
    const norm = Number(operations.read(input('norm'))[0]);
    const factor = Math.min(1, number('maxNorm') / (norm + 1e-6));
    const x = input('x');
    return factor === 1 ? x : operations.mul(x, operations.scalar(factor));
  });
}
