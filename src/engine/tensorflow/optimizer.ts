// The optimiser's kernels on TensorFlow: AdamW through its own fused Adam, norms and the factor that clips.
import type { TensorInfo } from '../tf.ts';
import { defineKernel, type Value } from './raw.ts';

export function defineOptimizer(): void {
  // In place: values and moments change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ operations, tensors, input, number, attributes }) => {
    const rootScale = number('rootScale');
    // ResourceApplyAdam: value -= rate'·m / (sqrt(v) + ε'). Its own bias correction is off (both powers are 0): that of the
    // first moment is in `rate` already, and that of the second, which divides the root, goes into ε' and rate'.
    const rate = number('rate') / rootScale;
    const settings = [0, 0, rate, number('beta1'), number('beta2'), number('epsilon') / rootScale];
    const scalars = settings.map((value) => operations.scalar(value));
    const scale = input('scale');
    const isScaled = operations.read(scale)[0] !== 1;
    for (const [i, keep] of (attributes.keeps as number[]).entries()) {
      const given = input(`value${i}`);
      const value = keep === 1 ? given : operations.mul(given, operations.scalar(keep));
      const changing = ['value', 'm', 'v'].map((name) => tensors[`${name}${i}`] as TensorInfo);
      operations.updateInPlace(changing, [value, input(`m${i}`), input(`v${i}`)], (variables) => {
        const gradient = input(`gradient${i}`);
        const scaled = isScaled ? operations.mul(gradient, scale) : gradient;
        operations.runMany('ResourceApplyAdam', [...variables, ...scalars, scaled], [], 0);
      });
    }
    return [];
  });

  // sqrt(Σ over all inputs of Σ x²); L2Loss is half of a sum of squares.
  defineKernel('FourfoldGlobalNorm', ({ operations, tensors, input }) => {
    const halves: Value[] = Object.keys(tensors).map((name) => operations.run('L2Loss', [input(name)]));
    const half = operations.runOverList('AddN', halves);
    return operations.run('Sqrt', [operations.mul(half, operations.scalar(2))]);
  });

  defineClipFactor();
}

/** min(1, maxNorm / (norm + 1e-6)), in double precision. */
export function defineClipFactor(): void {
  defineKernel('FourfoldClipFactor', ({ operations, input, number }) => {
    const norm = Number(operations.read(input('norm'))[0]);
    const factor = Math.min(1, number('maxNorm') / (norm + 1e-6));
    return operations.floatsOf(Float32Array.of(factor), []);
  });
}
