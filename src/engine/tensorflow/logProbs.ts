// Log-probabilities of tokens on TensorFlow, whose cross-entropy gives the loss and its slope by the logits in one pass.
// Small logits are computed once and their slope kept; large ones are computed block by block, and again for the gradient.
import { defineKernel, type KernelCall, type Operations, type Value } from './raw.ts';

/** Logits, as numbers, that are kept for the backward pass: 128 MiB. */
const MOST_KEPT = 2 ** 25;
/** Logits of one block of rows where they are not kept. */
const BLOCK = 2 ** 23;

export function defineLogProbs(): void {
  // Third output: the slope softmax - one-hot [n, vocab] where it is kept, and else nothing [0].
  defineKernel('FourfoldTokenLogProbs', (call) => {
    const { operations, input, number } = call;
    const { n, vocab, isKept } = sizesOf(call);
    const weight = input('weight');
    const parts = blocksOf(n, isKept ? n : rowsOfBlock(vocab)).map(([from, rows]) => {
      const hidden = rowsFrom(operations, input('hidden'), from, rows);
      const targets = rowsFrom(operations, input('targets'), from, rows);
      const { loss, slope, logits } = crossEntropy(operations, { hidden, weight, targets, scale: number('scale') });
      // -Σ p·log p = loss - Σ slope∘logits, since the slopes of a row sum to zero.
      const dot = operations.batchMatMul(
        operations.reshape(slope, [rows, 1, vocab]),
        operations.reshape(logits, [rows, vocab, 1]),
      );
      return {
        logProbs: operations.run('Neg', [loss]),
        entropy: operations.sub(loss, operations.reshape(dot, [rows])),
        slope,
      };
    });
    const joined = (name: 'logProbs' | 'entropy'): Value =>
      concat(
        operations,
        parts.map((part) => part[name]),
      );
    const kept = isKept ? (parts[0]?.slope as Value) : operations.constant('nothing', [0], () => new Float32Array(0));
    return [joined('logProbs'), joined('entropy'), kept];
  });

  // With g = -dy·scale by row and D the slopes: dHidden = g∘(D·W), dWeight = Dᵀ·(g∘hidden).
  defineKernel('FourfoldTokenLogProbsGradient', (call) => {
    const { operations, input, number, attributes } = call;
    const { n, vocab, isKept } = sizesOf(call);
    const weight = input('weight');
    const scale = number('scale');
    const dy = operations.reshape(input('dy'), [n, 1]);
    const factors = operations.mul(dy, operations.scalar(-scale));
    const dHidden: Value[] = [];
    let dWeight: Value | null = null;
    for (const [from, rows] of blocksOf(n, isKept ? n : rowsOfBlock(vocab))) {
      const hidden = rowsFrom(operations, input('hidden'), from, rows);
      const targets = rowsFrom(operations, input('targets'), from, rows);
      const factor = rowsFrom(operations, factors, from, rows);
      const slope = isKept ? input('logSums') : crossEntropy(operations, { hidden, weight, targets, scale }).slope;
      if (attributes.wantsHidden === true) dHidden.push(operations.mul(operations.matMul(slope, weight), factor));
      if (attributes.wantsWeight !== true) continue;
      const part: Value = operations.matMul(slope, operations.mul(hidden, factor), true);
      dWeight = dWeight === null ? part : operations.add(dWeight, part);
    }
    return [...(dHidden.length > 0 ? [concat(operations, dHidden)] : []), ...(dWeight === null ? [] : [dWeight])];
  });
}

function sizesOf({ input }: KernelCall): { n: number; vocab: number; isKept: boolean } {
  const [n, vocab] = [input('hidden').shape[0] ?? 0, input('weight').shape[0] ?? 1];
  return { n, vocab, isKept: n * vocab <= MOST_KEPT };
}

function rowsOfBlock(vocab: number): number {
  return Math.max(1, Math.floor(BLOCK / vocab));
}

/** First row and number of rows of each block. */
function blocksOf(n: number, most: number): [number, number][] {
  return Array.from({ length: Math.max(1, Math.ceil(n / most)) }, (_, i) => [i * most, Math.min(most, n - i * most)]);
}

function rowsFrom(operations: Operations, x: Value, from: number, rows: number): Value {
  if (from === 0 && rows === x.shape[0]) return x;
  const [begin, size] = [x.shape.map((_, i) => (i === 0 ? from : 0)), x.shape.map((all, i) => (i === 0 ? rows : all))];
  return operations.run('Slice', [x, operations.integers(begin), operations.integers(size)]);
}

function concat(operations: Operations, parts: Value[]): Value {
  if (parts.length === 1) return parts[0] as Value;
  return operations.runOverList('ConcatV2', parts, operations.integer(0));
}

/** loss = -log softmax(scale·hidden·Wᵀ)[target] and its slope by the scaled logits. */
function crossEntropy(
  operations: Operations,
  { hidden, weight, targets, scale }: { hidden: Value; weight: Value; targets: Value; scale: number },
): { loss: Value; slope: Value; logits: Value } {
  const scaled = scale === 1 ? hidden : operations.mul(hidden, operations.scalar(scale));
  const logits = operations.matMul(scaled, weight, false, true);
  const [loss, slope] = operations.runMany('SparseSoftmaxCrossEntropyWithLogits', [logits, targets], [], 2) as [
    Value,
    Value,
  ];
  return { loss, slope, logits };
}
