// Kernels over rows on TensorFlow: linear layer, embedding, normalisation, rotary positions, gated activation, softmax.
import { defineKernel, type Operations, rowsOf, type Value } from './raw.ts';

export function defineRowKernels(): void {
  defineLinear();
  defineEmbedding();
  defineRmsNorm();
  defineRotary();
  defineSwiglu();
  defineSoftmax();
}

/** [..., width] as a matrix of rows. */
function asRows(operations: Operations, x: Value): Value {
  const { rows, width } = rowsOf(x.shape);
  return operations.reshape(x, [rows, width]);
}

function defineLinear(): void {
  defineKernel('FourfoldLinear', ({ operations, input, optional }) => {
    const [x, weight, bias] = [input('x'), input('weight'), optional('bias')];
    const product = operations.matMul(asRows(operations, x), weight, false, true);
    const y = bias === null ? product : operations.run('BiasAdd', [product, bias]);
    return operations.reshape(y, [...x.shape.slice(0, -1), weight.shape[0] ?? 1]);
  });
  // dx = dy·W
  defineKernel('FourfoldLinearInputGradient', ({ operations, input }) => {
    const [dy, weight] = [input('dy'), input('weight')];
    const dx = operations.matMul(asRows(operations, dy), weight);
    return operations.reshape(dx, [...dy.shape.slice(0, -1), weight.shape[1] ?? 1]);
  });
  // dW = dyᵀ·x
  defineKernel('FourfoldLinearWeightGradient', ({ operations, input }) =>
    operations.matMul(asRows(operations, input('dy')), asRows(operations, input('x')), true),
  );
  defineKernel('FourfoldSumRows', ({ operations, input }) =>
    operations.sum(asRows(operations, input('x')), [0], false),
  );
}

function defineEmbedding(): void {
  defineKernel('FourfoldEmbedding', ({ operations, input }) =>
    operations.run('GatherV2', [input('table'), input('ids'), operations.integer(0)]),
  );
  defineKernel('FourfoldEmbeddingGradient', ({ operations, input, number }) => {
    const [dy, ids] = [asRows(operations, input('dy')), input('ids')];
    const flat = operations.reshape(ids, [dy.shape[0] ?? 0]);
    return operations.run('UnsortedSegmentSum', [dy, flat, operations.integer(number('vocab'))]);
  });
}

function defineRmsNorm(): void {
  // The scales 1/sqrt(mean(x²) + ε) [rows, 1] are kept for the backward pass.
  defineKernel('FourfoldRmsNorm', ({ operations, input, number }) => {
    const x = input('x');
    const rows = asRows(operations, x);
    const squares = operations.run('Square', [rows]);
    const mean = operations.run('Mean', [squares, operations.integers([1])], [operations.flag('keep_dims', true)]);
    const scales = operations.run('Rsqrt', [operations.add(mean, operations.scalar(number('epsilon')))]);
    const y = operations.mul(operations.mul(rows, scales), input('weight'));
    return [operations.reshape(y, x.shape), scales];
  });
  // With r the scale of a row: dx = r·(dy∘g) - x·r³·mean(dy∘g∘x)
  defineKernel('FourfoldRmsNormGradient', ({ operations, input }) => {
    const [x, scales] = [input('x'), input('scales')];
    const rows = asRows(operations, x);
    const weighted = operations.mul(asRows(operations, input('dy')), input('weight'));
    const product = operations.mul(weighted, rows);
    const mean = operations.run('Mean', [product, operations.integers([1])], [operations.flag('keep_dims', true)]);
    const inner = operations.mul(mean, operations.mul(scales, operations.run('Square', [scales])));
    const dx = operations.sub(operations.mul(weighted, scales), operations.mul(rows, inner));
    return operations.reshape(dx, x.shape);
  });
  // dg = Σ over rows of r·dy∘x: a product with the scales as a row vector.
  defineKernel('FourfoldRmsNormGainGradient', ({ operations, input }) => {
    const rows = asRows(operations, input('x'));
    const product = operations.mul(asRows(operations, input('dy')), rows);
    const sum = operations.matMul(input('scales'), product, true);
    return operations.reshape(sum, [rows.shape[1] ?? 1]);
  });
}

/**
 * A turn is x∘cos + (x·R)∘sin, where R takes the pair (first, second) to (-second, first), or back where the sign is -1. A
 * small product is several times quicker here than splitting the halves and joining them again.
 */
function defineRotary(): void {
  defineKernel('FourfoldRotary', ({ operations, input, number }) => {
    const [x, positions] = [input('x'), input('positions')];
    const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
    const rows = (table: Value): Value => {
      const both = operations.runOverList('ConcatV2', [table, table], operations.integer(1));
      const gathered = operations.run('GatherV2', [both, positions, operations.integer(0)]);
      return operations.reshape(gathered, [batch, time, 1, headDim]);
    };
    const quarter = operations.constant(`turn ${number('sign')}`, [headDim, headDim], () =>
      quarterTurn(headDim, number('sign')),
    );
    const flat = operations.reshape(x, [batch * time * heads, headDim]);
    const turned = operations.reshape(operations.matMul(flat, quarter), x.shape);
    return operations.add(operations.mul(x, rows(input('cos'))), operations.mul(turned, rows(input('sin'))));
  });
}

/** The matrix R [headDim, headDim]. */
export function quarterTurn(headDim: number, sign: number): Float32Array {
  const half = headDim / 2;
  const matrix = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    matrix[(i + half) * headDim + i] = -sign;
    matrix[i * headDim + i + half] = sign;
  }
  return matrix;
}

function defineSwiglu(): void {
  defineKernel('FourfoldSwiglu', ({ operations, input }) => {
    const gate = input('gate');
    return operations.mul(operations.mul(gate, operations.run('Sigmoid', [gate])), input('up'));
  });
  // With s = σ(gate): dUp = dy∘gate∘s and dGate = dy∘up∘(s + gate·s·(1 - s)); SigmoidGrad(s, z) is z·s·(1 - s).
  defineKernel('FourfoldSwigluGradient', ({ operations, input }) => {
    const [gate, dy] = [input('gate'), input('dy')];
    const s = operations.run('Sigmoid', [gate]);
    const dUp = operations.mul(dy, operations.mul(gate, s));
    const z = operations.mul(dy, input('up'));
    const slope = operations.run('SigmoidGrad', [s, operations.mul(z, gate)]);
    return [operations.add(operations.mul(z, s), slope), dUp];
  });
}

function defineSoftmax(): void {
  defineKernel('FourfoldSoftmax', ({ operations, input }) => operations.softmax(input('x')));
  // dx = (dy - Σ dy∘y)∘y
  defineKernel('FourfoldSoftmaxGradient', ({ operations, input }) => {
    const [y, dy] = [input('y'), input('dy')];
    const inner = operations.sum(operations.mul(dy, y), [-1], true);
    return operations.mul(operations.sub(dy, inner), y);
  });
  defineKernel('FourfoldLogSoftmax', ({ operations, input }) => operations.run('LogSoftmax', [input('x')]));
  // dx = dy - exp(y)·Σ dy
  defineKernel('FourfoldLogSoftmaxGradient', ({ operations, input }) => {
    const [y, dy] = [input('y'), input('dy')];
    return operations.sub(dy, operations.mul(operations.run('Exp', [y]), operations.sum(dy, [-1], true)));
  });
}
