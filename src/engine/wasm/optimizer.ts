// What an optimiser's step needs on wasm: the norm of all gradients, the factor that clips them, and AdamW in place. Each is
// one call over all parameters, whose values the threads share out without regard to where one ends and the next begins.
import { defineKernel } from './define.ts';
import { type KernelRuntime, sizeOf, type TensorInfo } from './runtime.ts';

/** The time of one value in the time of multiply-adds of a product. */
const [ADAM_WORK, SQUARE_WORK] = [16, 6];
/** Values between two places where a parameter may be cut for AdamW: a cache line. */
const CUT = 16;
/** Bytes of a span in assembly/optimizer.ts: of AdamW, and of the sums of squares. */
const [ADAM_SPAN, SQUARES_SPAN] = [24, 12];

/** Values of one tensor, by its index, that a slice works on. */
interface Span {
  tensor: number;
  start: number;
  count: number;
}

/**
 * Deals the values of tensors out to slices. All tensors are taken for rows of units, the last unit of each perhaps not full.
 *
 * @param sizes values of each tensor
 * @param unit values of a unit, within which no tensor is cut
 * @param parts the units of each slice, counted through all tensors
 */
export function dealSpans(sizes: number[], unit: number, parts: [number, number][]): Span[][] {
  const slices = parts.map((): Span[] => []);
  let [slice, first] = [0, 0];
  for (const [tensor, size] of sizes.entries()) {
    const end = first + Math.ceil(size / unit);
    for (let at = first; at < end; ) {
      const stop = parts[slice]?.[1] ?? end;
      const to = Math.min(end, stop);
      const start = (at - first) * unit;
      slices[slice]?.push({ tensor, start, count: Math.min(size, (to - first) * unit) - start });
      at = to;
      if (to === stop) slice++;
    }
    first = end;
  }
  return slices;
}

export function defineOptimizer(runtime: KernelRuntime): void {
  defineAdamW(runtime);
  defineGlobalNorm(runtime);

  // min(1, maxNorm / (norm + 1e-6))
  defineKernel('FourfoldClipFactor', ({ input, number }) =>
    runtime.scalar(Math.min(1, number('maxNorm') / (runtime.read(input('norm')) + 1e-6))),
  );
}

/** The spans of each slice of an operation over all values; `work` is the time of one. */
function slicesOf(runtime: KernelRuntime, sizes: number[], { unit, work }: { unit: number; work: number }): Span[][] {
  const units = sizes.reduce((sum, size) => sum + Math.ceil(size / unit), 0);
  const values = sizes.reduce((sum, size) => sum + size, 0);
  return dealSpans(sizes, unit, runtime.parts(units, 1, values * work));
}

/** The arguments of each slice: how many spans it has, and where they lie in the table of all. */
function spansOfSlices(slices: Span[][], table: number, spanBytes: number): [number, number][] {
  let before = 0;
  return slices.map(({ length }) => {
    const address = table + before * spanBytes;
    before += length;
    return [length, address];
  });
}

function defineAdamW(runtime: KernelRuntime): void {
  // In place: values and moments change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ input, number, attributes }) => {
    const keeps = attributes.keeps as number[];
    const tensors = keeps.map((_, i) => ['value', 'm', 'v', 'gradient'].map((name) => input(`${name}${i}`)));
    const sizes = tensors.map(([value]) => sizeOf(value?.shape ?? []));
    const addresses = tensors.map((own) => own.map((tensor) => runtime.address(tensor)));
    const slices = slicesOf(runtime, sizes, { unit: CUT, work: ADAM_WORK });
    const spans = slices.flat();
    const table = runtime.packing(spans.length * ADAM_SPAN);
    const [words, floats] = [runtime.integers(table, spans.length * 6), runtime.floats(table, spans.length * 6)];
    for (const [i, { tensor, start, count }] of spans.entries()) {
      words.set([...(addresses[tensor] ?? []).map((address) => address + start * 4), count], i * 6);
      floats[i * 6 + 5] = keeps[tensor] ?? Number.NaN;
    }
    const [beta1, beta2] = [number('beta1'), number('beta2')];
    const rest = [
      ...[beta1, 1 - beta1, beta2, 1 - beta2, number('rate'), number('rootScale'), number('epsilon')],
      runtime.read(input('scale')),
    ];
    const calls = spansOfSlices(slices, table, ADAM_SPAN).map((own) => [...own, ...rest]);
    runtime.run('adamW', calls);
    return [];
  });
}

function defineGlobalNorm(runtime: KernelRuntime): void {
  const run = runtime.kernels.squaresRun();
  /** How many sums the squares of a tensor come in: those of its runs, and the values beyond the last whole vector. */
  const sumsOf = (size: number): number => Math.ceil((size - (size % 4)) / run) + (size % 4);

  // sqrt(Σ over all inputs of Σ x²)
  defineKernel('FourfoldGlobalNorm', ({ inputs }) => {
    const tensors = Object.values(inputs);
    const sizes = tensors.map(({ shape }) => sizeOf(shape));
    /** The places of the sums of each tensor: from this one to the next one's. */
    const places = [0];
    for (const size of sizes) places.push((places.at(-1) ?? 0) + sumsOf(size));
    const all = places.at(-1) ?? 0;
    const slices = slicesOf(runtime, sizes, { unit: run, work: SQUARE_WORK });
    const spans = slices.flat();
    const sums = runtime.packing(all * 8 + spans.length * SQUARES_SPAN);
    const table = sums + all * 8;
    const words = spans.flatMap(({ tensor, start, count }) => [
      runtime.address(tensors[tensor] as TensorInfo) + start * 4,
      count,
      sums + ((places[tensor] ?? 0) + start / run) * 8,
    ]);
    runtime.integers(table, words.length).set(words);
    runtime.run('sumsOfSquares', spansOfSlices(slices, table, SQUARES_SPAN));
    // Added up tensor by tensor and in the order of their values, whoever computed them.
    const values = runtime.doubles(sums, all);
    const totals = sizes.map((_, i) => values.subarray(places[i], places[i + 1]).reduce((sum, own) => sum + own, 0));
    return runtime.scalar(Math.sqrt(totals.reduce((sum, own) => sum + own, 0)));
  });
}
