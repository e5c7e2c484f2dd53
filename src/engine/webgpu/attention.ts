// Attention on webgpu and its gradient: by tiles where a head's size and the device's memory allow, else, and where scores
// are capped, a lane a row.
import * as byLane from './attentionByLane.ts';
import type { Sizes } from './attentionSizes.ts';
import * as byTiles from './attentionTiles.ts';
import { defineKernel } from './define.ts';
import type { Dispatcher, Program, TensorInfo } from './dispatcher.ts';

/** The programs for one size of head, and how many queries or keys a work group of each serves. */
interface Programs {
  forward: Program;
  ofQuery: Program;
  ofKey: Program;
  rows: number;
}
const known = new Map<string, Programs>();

function programsFor({ workgroupBytes }: Dispatcher, dim: number, hasCap: boolean): Programs {
  const key = `${dim} ${hasCap}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const tiles = hasCap ? null : byTiles.tilesFor(dim, workgroupBytes);
  const programs =
    tiles === null
      ? {
          ...{ forward: byLane.forward(dim), ofQuery: byLane.queryGradient(dim), ofKey: byLane.keyGradient(dim) },
          rows: byLane.LANES,
        }
      : {
          ...{ forward: byTiles.forward(tiles), ofQuery: byTiles.queryGradient(tiles) },
          ...{ ofKey: byTiles.keyGradient(tiles), rows: tiles.rows },
        };
  known.set(key, programs);
  return programs;
}

function sizesOf(query: TensorInfo, key: TensorInfo, attributes: Record<string, unknown>): Sizes {
  const [batch, time, heads, dim] = query.shape as [number, number, number, number];
  const [, keys, kvHeads] = key.shape as [number, number, number, number];
  const { scale, window = 0, softcap = 0 } = attributes as { scale: number; window?: number; softcap?: number };
  return { batch, time, keys, heads, kvHeads, dim, scale, softcap, window: window === 0 ? keys : window };
}

export function defineAttention(dispatcher: Dispatcher): void {
  for (const name of ['FourfoldAttention', 'FourfoldBoundedAttention']) {
    defineForward(dispatcher, name);
    defineGradient(dispatcher, `${name}Gradient`);
  }
}

function defineForward(dispatcher: Dispatcher, name: string): void {
  defineKernel(name, ({ input, attributes }) => {
    const [query, keyed, valued, keyStart] = [input('query'), input('key'), input('value'), input('keyStart')];
    const { batch, dim, ...sizes } = sizesOf(query, keyed, attributes);
    const [result, logSums] = [
      dispatcher.output(query.shape),
      dispatcher.output([batch, sizes.heads, sizes.time]),
    ] as const;
    const { forward, rows } = programsFor(dispatcher, dim, sizes.softcap !== 0);
    const groups = [Math.ceil(sizes.time / rows), sizes.heads, batch] as const;
    dispatcher.run(forward, { query, keyed, valued, keyStart, result, logSums }, sizes, groups);
    return [result, logSums];
  });
}

function defineGradient(dispatcher: Dispatcher, name: string): void {
  defineKernel(name, ({ input, attributes }) => {
    const [query, keyed, valued, keyStart] = [input('query'), input('key'), input('value'), input('keyStart')];
    const { batch, dim, ...sizes } = sizesOf(query, keyed, attributes);
    const { time, keys, heads, kvHeads } = sizes;
    const dy = input('dy');
    const count = batch * heads * time;
    const figures = dispatcher.output([count, 2]);
    dispatcher.run(
      byLane.stats(dim),
      { result: input('out'), dy, logSums: input('logSums'), figures },
      { count, time, heads },
      [Math.ceil(count / byLane.LANES)],
    );
    const [dQuery, dKey, dValue] = [query, keyed, valued].map(({ shape }) => dispatcher.output(shape)) as [
      TensorInfo,
      TensorInfo,
      TensorInfo,
    ];
    const given = { query, keyed, valued, keyStart, figures, dy };
    const { ofQuery, ofKey, rows } = programsFor(dispatcher, dim, sizes.softcap !== 0);
    dispatcher.run(ofQuery, { ...given, dQuery }, sizes, [Math.ceil(time / rows), heads, batch]);
    dispatcher.run(ofKey, { ...given, dKey, dValue }, sizes, [Math.ceil(keys / rows), kvHeads, batch]);
    dispatcher.release(figures);
    return [dQuery, dKey, dValue];
  });
}
