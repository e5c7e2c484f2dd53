// The kernels of decoding operation by operation on webgpu: cache rows in place, and attention over slots.

import { SCATTER_ROWS, slotAttention } from './decodingPrograms.ts';
import { defineKernel } from './define.ts';
import type { Dispatcher } from './dispatcher.ts';
import { groupsOf } from './pointwise.ts';
import { sizeOf } from './sizes.ts';

export function defineDecodingKernels(dispatcher: Dispatcher): void {
  defineKernel('FourfoldScatterRows', ({ input }) => {
    const [table, indices, rows] = [input('table'), input('indices'), input('rows')];
    const count = sizeOf(rows.shape);
    const width = rows.shape[1] ?? 1;
    dispatcher.run(SCATTER_ROWS, { table, indices, rows }, { count, width }, groupsOf(count));
    return dispatcher.shared(table);
  });

  defineKernel('FourfoldSlotAttention', ({ input, number }) => {
    const [query, keys, slots, lengths] = [input('query'), input('key'), input('slots'), input('lengths')];
    const [rows, heads, dim] = query.shape as [number, number, number];
    const [, kvHeads, capacity] = keys.shape as [number, number, number];
    const result = dispatcher.output(query.shape);
    dispatcher.run(
      slotAttention(dim),
      { query, slots, lengths, keys, values: input('value'), result },
      {
        ...{ pitch: heads * dim, heads, kvHeads, capacity, more: 0 },
        ...{ scale: number('scale'), window: number('window'), softcap: number('softcap') },
      },
      [heads, rows],
    );
    return result;
  });
}
