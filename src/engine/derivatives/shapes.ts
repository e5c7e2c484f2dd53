// Derivatives of operations that move values about.
import type { Tensor } from '@tensorflow/tfjs-core';
import * as core from '@tensorflow/tfjs-core';
import { at, registerDerivative, unbroadcast } from './register.ts';

registerDerivative('Reshape', {
  saves: ['x'],
  gradients: ({ dy, saved }) => ({ x: () => core.reshape(dy, at(saved, 0).shape) }),
});

registerDerivative('ExpandDims', {
  saves: ['input'],
  gradients: ({ dy, saved }) => ({ input: () => core.reshape(dy, at(saved, 0).shape) }),
});

registerDerivative('BroadcastTo', {
  saves: ['x'],
  gradients: ({ dy, saved }) => ({ x: () => unbroadcast(dy, at(saved, 0).shape) }),
});

registerDerivative('Transpose', {
  gradients: ({ dy, attributes }) => {
    const order = attributes.perm as number[];
    const back = order.map((_, i) => order.indexOf(i));
    return { x: () => core.transpose(dy, back) };
  },
});

registerDerivative('Reverse', {
  gradients: ({ dy, attributes }) => ({ x: () => core.reverse(dy, attributes.dims as number[]) }),
});

registerDerivative('Slice', {
  saves: ['x'],
  gradients: ({ dy, saved, attributes }) => {
    const shape = at(saved, 0).shape;
    const begin = attributes.begin as number | number[];
    const start = Array.isArray(begin) ? begin : [begin];
    const paddings = shape.map((size, i): [number, number] => {
      const before = start[i] ?? 0;
      return [before, size - before - (dy.shape[i] ?? 1)];
    });
    return { x: () => core.pad(dy, paddings) };
  },
});

registerDerivative('PadV2', {
  saves: ['x'],
  gradients: ({ dy, saved, attributes }) => {
    const paddings = attributes.paddings as [number, number][];
    return {
      x: () =>
        core.slice(
          dy,
          paddings.map(([before]) => before),
          at(saved, 0).shape,
        ),
    };
  },
});

registerDerivative('Concat', {
  savesAll: true,
  gradients: ({ dy, saved, attributes }) => {
    const axis = core.util.parseAxisParam(Number(attributes.axis), dy.shape)[0] ?? 0;
    const thunks: Record<string, () => Tensor> = {};
    let offset = 0;
    for (const [i, part] of saved.entries()) {
      const begin = part.shape.map((_, dim) => (dim === axis ? offset : 0));
      thunks[String(i)] = () => core.slice(dy, begin, part.shape);
      offset += part.shape[axis] ?? 0;
    }
    return thunks;
  },
});

registerDerivative('SplitV', {
  gradients: ({ allDy, attributes }) => ({ x: () => core.concat(allDy, Number(attributes.axis ?? 0)) }),
});

registerDerivative('Pack', {
  savesAll: true,
  gradients: ({ dy, saved, attributes }) => {
    const parts = core.unstack(dy, Number(attributes.axis ?? 0));
    return Object.fromEntries(saved.map((_, i) => [String(i), () => at(parts, i)]));
  },
});

registerDerivative('Unpack', {
  gradients: ({ allDy, attributes }) => ({ value: () => core.stack(allDy, Number(attributes.axis ?? 0)) }),
});

registerDerivative('Tile', {
  saves: ['x'],
  gradients: ({ dy, saved, attributes }) => {
    const { shape } = at(saved, 0);
    const reps = attributes.reps as number[];
    // [r₀·n₀, r₁·n₁, ...] seen as [r₀, n₀, r₁, n₁, ...] and summed over the r.
    const apart = shape.flatMap((size, i) => [reps[i] ?? 1, size]);
    return {
      x: () =>
        core.reshape(
          core.sum(
            core.reshape(dy, apart),
            shape.map((_, i) => 2 * i),
          ),
          shape,
        ),
    };
  },
});
