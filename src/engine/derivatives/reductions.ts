// Derivatives of reductions, normalisations and products.
import type { Tensor } from '@tensorflow/tfjs-core';
import * as core from '@tensorflow/tfjs-core';
import { at, oneHotRows, registerDerivative } from './register.ts';

const { cast, div, equal, exp, matMul, mul, reshape, sub, sum } = core;

/** The shape of `shape` with each of `axes` kept as 1. */
function keptShape(shape: number[], axes: unknown): number[] {
  const reduced = core.util.parseAxisParam(axes as number | number[], shape);
  return shape.map((size, i) => (reduced.includes(i) ? 1 : size));
}

/** `slope` at each place of `shape`; tfjs's own leaves a single value single where the shape has no place for it. */
function spread(slope: Tensor, shape: number[]): Tensor {
  return core.util.sizeFromShape(shape) === 0 ? core.zeros(shape) : core.broadcastTo(slope, shape);
}

registerDerivative('Sum', {
  saves: ['x'],
  gradients: ({ dy, saved, attributes }) => {
    const x = at(saved, 0);
    return { x: () => spread(reshape(dy, keptShape(x.shape, attributes.axis)), x.shape) };
  },
});

registerDerivative('Mean', {
  saves: ['x'],
  gradients: ({ dy, saved, attributes }) => {
    const x = at(saved, 0);
    const kept = keptShape(x.shape, attributes.axis);
    const count = x.size / core.util.sizeFromShape(kept);
    return { x: () => spread(div(reshape(dy, kept), count), x.shape) };
  },
});

// Ties share the gradient in full, each: the convention of tfjs.
for (const extreme of ['Max', 'Min']) {
  registerDerivative(extreme, {
    saves: ['x'],
    savesOutput: true,
    gradients: ({ dy, saved, attributes }) => {
      const x = at(saved, 0);
      const kept = keptShape(x.shape, attributes.reductionIndices);
      const isExtreme = (): Tensor => cast(equal(x, reshape(at(saved, 1), kept)), 'float32');
      return { x: () => mul(reshape(dy, kept), isExtreme()) };
    },
  });
}

registerDerivative('Cumsum', {
  saves: ['x'],
  gradients: ({ dy, attributes }) => {
    const { axis, exclusive, reverse } = attributes as { axis: number; exclusive: boolean; reverse: boolean };
    return { x: () => core.cumsum(dy, axis, exclusive, !reverse) };
  },
});

// dx = y · (dy - Σ dy·y)
registerDerivative('Softmax', {
  savesOutput: true,
  gradients: ({ dy, saved, attributes }) => {
    const y = at(saved, 0);
    const axis = Number(attributes.dim ?? -1);
    return {
      logits: () => {
        const weighted = mul(dy, y);
        return sub(weighted, mul(sum(weighted, axis, true), y));
      },
    };
  },
});

// dx = dy - softmax · Σ dy
registerDerivative('LogSoftmax', {
  savesOutput: true,
  gradients: ({ dy, saved, attributes }) => {
    const axis = Number(attributes.axis ?? -1);
    return { logits: () => sub(dy, mul(sum(dy, axis, true), exp(at(saved, 0)))) };
  },
});

registerDerivative('BatchMatMul', {
  saves: ['a', 'b'],
  gradients: ({ dy, saved, attributes }) => {
    const [a, b] = [at(saved, 0), at(saved, 1)];
    const { transposeA, transposeB } = attributes as { transposeA: boolean; transposeB: boolean };
    const sumTo = (gradient: Tensor, shape: number[]): Tensor => {
      const axes = core.broadcast_util.getReductionAxes(shape.slice(0, -2), gradient.shape.slice(0, -2));
      return axes.length > 0 ? reshape(sum(gradient, axes), shape) : gradient;
    };
    // With A' = op(A), B' = op(B): dA' = dY·B'ᵀ and dB' = A'ᵀ·dY; a transposed operand swaps the two sides.
    return {
      a: () => sumTo(transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB), a.shape),
      b: () => sumTo(transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA, false), b.shape),
    };
  },
});

registerDerivative('GatherV2', {
  saves: ['x', 'indices'],
  gradients: ({ dy, saved, attributes }) => {
    const [x, indices] = [at(saved, 0), at(saved, 1)];
    const axis = core.util.parseAxisParam(Number(attributes.axis ?? 0), x.shape)[0] ?? 0;
    const batchDims = Number(attributes.batchDims ?? 0);
    if (batchDims !== 0) throw new Error('The derivative of gather with batch dimensions is not supported.');
    return { x: () => scatterAdd(dy, x.shape, indices, axis), indices: () => core.zerosLike(indices) };
  },
});

/** The gradient of gather: rows of dy are added up at their indices along `axis`. */
function scatterAdd(dy: Tensor, shape: number[], indices: Tensor, axis: number): Tensor {
  const outer = core.util.sizeFromShape(shape.slice(0, axis));
  const inner = core.util.sizeFromShape(shape.slice(axis + 1));
  const size = shape[axis] ?? 1;
  const rows = reshape(core.transpose(reshape(dy, [outer, indices.size, inner]), [1, 0, 2]), [
    indices.size,
    outer * inner,
  ]);
  const flat = reshape(indices, [indices.size]) as core.Tensor1D;
  const summed = core.getKernel('UnsortedSegmentSum', core.getBackend())
    ? core.unsortedSegmentSum(rows, flat, size)
    : matMul(oneHotRows(flat, size), rows, true, false);
  return reshape(core.transpose(reshape(summed, [size, outer, inner]), [1, 0, 2]), shape);
}
