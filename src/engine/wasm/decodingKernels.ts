// The kernels of decoding operation by operation on wasm: cache rows in place, attention over slots, the choice of tokens.
import { FourfoldError } from '../../core/errors.ts';
import type { SamplingRule } from '../ops/sample.ts';
import { defineKernel, expectIdsFit } from './define.ts';
import { type KernelRuntime, sizeOf, type TensorInfo } from './runtime.ts';

/** The time of one logit's share in sampling, in the time of multiply-adds of a product. */
const SAMPLE_WORK = 128;

export function defineDecodingKernels(runtime: KernelRuntime): void {
  const { kernels } = runtime;
  const at = (tensor: TensorInfo): number => runtime.address(tensor);

  defineKernel('FourfoldScatterRows', ({ input }) => {
    const [table, indices, rows] = [input('table'), input('indices'), input('rows')];
    const [count, width] = rows.shape as [number, number];
    expectIdsFit(runtime, 'scatterRows', indices, table.shape[0] ?? 0);
    kernels.scatterRows(count, width, at(table), at(indices), at(rows));
    return runtime.share(table);
  });

  defineKernel('FourfoldSlotAttention', ({ input, number }) => {
    const [query, key, slots, lengths] = [input('query'), input('key'), input('slots'), input('lengths')];
    const [rows, heads, dim] = query.shape as [number, number, number];
    const [count, kvHeads, capacity] = key.shape as [number, number, number];
    expectIdsFit(runtime, 'slotAttention', slots, count);
    const seen = runtime.integers(at(lengths), rows);
    if (seen.some((length) => length < 1 || length > capacity)) {
      throw new FourfoldError(
        'bad-input',
        `slotAttention: expected lengths of 1 to ${capacity}; got ${seen.join(', ')}.`,
      );
    }
    const out = runtime.output(query.shape);
    const rest = [
      ...[heads, kvHeads, dim, capacity, at(query), heads * dim, dim],
      ...[
        at(key),
        at(input('value')),
        at(slots),
        at(lengths),
        number('scale'),
        number('window'),
        number('softcap'),
        at(out),
      ],
    ];
    const parts = runtime.parts(rows * kvHeads, 1, rows * heads * capacity * dim * 4);
    runtime.run(
      'slotAttention',
      parts.map((part) => [...part, ...rest]),
      kernels.slotAttentionScratch(capacity),
    );
    return out;
  });

  defineKernel('FourfoldSample', ({ input, attributes }) => {
    const logits = input('logits');
    const { uniforms, rule } = attributes as { uniforms: number[]; rule: SamplingRule };
    const [rows, vocab] = logits.shape as [number, number];
    const [size, drawn] = [sizeOf(logits.shape), runtime.output([3, rows])];
    // The kernel scales the logits in place: it gets a copy. Behind it, the uniform numbers in double precision.
    const copy = runtime.allocate((size + (size % 2)) * 4 + rows * 8);
    const numbers = copy + (size + (size % 2)) * 4;
    try {
      runtime.floats(copy, size).set(runtime.floats(at(logits), size));
      runtime.doubles(numbers, rows).set(uniforms);
      const inverse = rule.temperature === 0 ? 0 : 1 / rule.temperature;
      const rest = [
        ...[vocab, copy, vocab, inverse, inverse === 0 ? 1 : inverse, rule.topK, rule.topP],
        ...[numbers, at(drawn), at(drawn) + rows * 4, at(drawn) + rows * 8],
      ];
      const parts = runtime.parts(rows, 1, rows * vocab * SAMPLE_WORK);
      runtime.run(
        'sampleRows',
        parts.map((part) => [...part, ...rest]),
        kernels.sampleScratch(vocab),
      );
    } finally {
      runtime.free(copy);
    }
    // Ids become numbers like the other two figures.
    const tokens = runtime.integers(at(drawn), rows).slice();
    runtime.floats(at(drawn), rows).set(tokens);
    return drawn;
  });
}
