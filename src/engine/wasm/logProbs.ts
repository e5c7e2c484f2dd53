// Token log-probabilities on wasm. Their gradient computes the logits again, block by block of the vocabulary, unless the
// gradient of the loss with respect to each was foreseen: then the forward pass leaves the gradients behind, some rows of
// logits at a time.
import { defineKernel, expectIdsFit, type KernelCall } from './define.ts';
import { multiply } from './products.ts';
import type { KernelRuntime, TensorInfo } from './runtime.ts';

/** The most logits that are held at once where gradients are computed beforehand. */
const LOGITS_BYTES = 32 * 2 ** 20;
/** Beyond a row, so that the same column of many rows does not fall into one place of the cache. */
const ROW_PADDING = 16;
/** Each part packs the weight anew. */
const PARTS_PER_THREAD = 1;

interface Given {
  hidden: TensorInfo;
  weight: TensorInfo;
  targets: TensorInfo;
  n: number;
  width: number;
  vocab: number;
}

function givenOf({ input }: KernelCall): Given {
  const [hidden, weight, targets] = [input('hidden'), input('weight'), input('targets')];
  const [n, width] = hidden.shape as [number, number];
  return { hidden, weight, targets, n, width, vocab: weight.shape[0] ?? 0 };
}

export function defineLogProbs(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);

  // logProbs, entropy and log-sums; and where the gradient is foreseen, dHidden and dWeight if wanted.
  defineKernel('FourfoldTokenLogProbs', (call) => {
    const given = givenOf(call);
    const { hidden, weight, targets, n, width, vocab } = given;
    expectIdsFit(runtime, 'tokenLogProbs', targets, vocab);
    const outputs: [TensorInfo, TensorInfo, TensorInfo] = [
      runtime.output([n]),
      runtime.output([n]),
      runtime.output([n]),
    ];
    if (typeof call.attributes.foreseen === 'number') {
      const wantsWeight = call.attributes.trainsWeight === true;
      return [...outputs, ...withGradient(runtime, given, outputs, { ...numbersOf(call), wantsWeight })];
    }
    const parts = runtime.parts(n, 4, n * vocab * width, PARTS_PER_THREAD);
    const slices = parts.map(([start, end]) => [
      ...[end - start, vocab, width, at(hidden) + start * width * 4, at(weight), at(targets) + start * 4],
      ...[call.number('scale'), ...outputs.map((output) => at(output) + start * 4)],
    ]);
    const rows = Math.max(...parts.map(([start, end]) => end - start));
    runtime.run('logProbs', slices, kernels.logProbsScratch(rows));
    return outputs;
  });

  // dHidden and dWeight; the attributes tell which are wanted, and only those come back.
  defineKernel('FourfoldTokenLogProbsGradient', (call) => {
    const { hidden, weight, targets, n, width, vocab } = givenOf(call);
    const { input, inputs, attributes, number } = call;
    const { wantsHidden, wantsWeight, foreseen } = attributes;
    if (typeof foreseen === 'number' && inputs.dHidden !== undefined && isAll(runtime, input('dy'), foreseen)) {
      const left = [inputs.dHidden, wantsWeight === true ? inputs.dWeight : undefined];
      return left.flatMap((gradient) => (gradient === undefined ? [] : [runtime.share(gradient)]));
    }
    const dHidden = wantsHidden === true ? runtime.output(hidden.shape) : null;
    const dWeight = wantsWeight === true ? runtime.output(weight.shape) : null;
    const scratchBytes = kernels.gemmScratch();
    const blockSize = kernels.logProbsBlock();
    const logits = runtime.besideScratch(n * blockSize * 4, scratchBytes);
    const parts = runtime.parts(n, 4, n * blockSize * width, PARTS_PER_THREAD);
    for (let first = 0; first < vocab; first += blockSize) {
      const block = Math.min(blockSize, vocab - first);
      const blockAt = first * width * 4;
      const slices = parts.map(([start, end]) => [
        ...[end - start, block, width, at(hidden) + start * width * 4, at(weight) + blockAt, at(targets) + start * 4],
        ...[first, number('scale'), at(input('logSums')) + start * 4, at(input('dy')) + start * 4],
        ...[dHidden === null ? 0 : at(dHidden) + start * width * 4, first > 0 ? 1 : 0, logits + start * block * 4],
      ]);
      runtime.run('logitGradient', slices, scratchBytes);
      if (dWeight === null) continue;
      const size = { m: block, n: width, k: n };
      const a = { at: logits, row: 1, column: block };
      multiply(runtime, { size, a, b: { at: at(hidden), row: width, column: 1 }, to: at(dWeight) + blockAt });
    }
    return [dHidden, dWeight].filter((gradient) => gradient !== null);
  });
}

const numbersOf = ({ number }: KernelCall) => ({ scale: number('scale'), slope: number('foreseen') });

/**
 * Log-probabilities into `outputs`, and the gradients that `slope` gives, some rows at a time. Each element is the same chain
 * of operations as in the gradient that is computed afterwards.
 */
function withGradient(
  runtime: KernelRuntime,
  { hidden, weight, targets, n, width, vocab }: Given,
  outputs: TensorInfo[],
  { scale, slope, wantsWeight }: { scale: number; slope: number; wantsWeight: boolean },
): TensorInfo[] {
  const at = (tensor: TensorInfo): number => runtime.address(tensor);
  const dHidden = runtime.output(hidden.shape);
  const dWeight = wantsWeight ? runtime.output(weight.shape) : null;
  const step = Math.ceil(vocab / ROW_PADDING) * ROW_PADDING + ROW_PADDING;
  const fitting = Math.max(4, Math.floor(LOGITS_BYTES / (step * 4) / 4) * 4);
  // Never all rows at once, however few they are.
  const rows = Math.min(fitting, Math.max(4, Math.ceil(n / 8) * 4));
  const running = rows * 12;
  const scratchBytes = runtime.kernels.gemmScratch() + running;
  const logits = runtime.besideScratch(rows * step * 4, scratchBytes);
  for (let first = 0; first < n; first += rows) {
    const count = Math.min(rows, n - first);
    const slices = runtime.parts(count, 4, count * vocab * width, PARTS_PER_THREAD).map(([start, end]) => {
      const row = first + start;
      return [
        ...[end - start, vocab, width, at(hidden) + row * width * 4, at(weight), at(targets) + row * 4, scale, slope],
        ...[...outputs.map((output) => at(output) + row * 4), at(dHidden) + row * width * 4],
        ...[logits + start * step * 4, step],
      ];
    });
    runtime.run('logProbsWithGradient', slices, scratchBytes);
    if (dWeight === null) continue;
    const size = { m: vocab, n: width, k: count };
    const b = { at: at(hidden) + first * width * 4, row: width, column: 1 };
    const accumulate = first > 0 ? 1 : 0;
    multiply(runtime, { size, a: { at: logits, row: 1, column: step }, b, to: at(dWeight), accumulate });
  }
  return dWeight === null ? [dHidden] : [dHidden, dWeight];
}

/** Whether each value of the tensor is exactly this one. */
function isAll(runtime: KernelRuntime, tensor: TensorInfo, value: number): boolean {
  const size = tensor.shape.reduce((product, count) => product * count, 1);
  return runtime.floats(runtime.address(tensor), size).every((own) => own === value);
}
