import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../engine/backend.ts';
import { loadModel, type Model } from '../model/model.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { type ReplyRequest, replyQueue } from './replyQueue.ts';

let dir: string;
let model: Model;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  dir = await mkdtemp(join(tmpdir(), 'fourfold-queue-'));
  await makeTinyModel(dir, { seed: 3 });
  model = await loadModel(dir, 'causal-lm');
});
afterAll(async () => {
  model.dispose();
  await rm(dir, { recursive: true, force: true });
});

/** A request that keeps its tokens, and tells its own in `log`. */
function requestOf(name: string, log: string[], change: Partial<ReplyRequest> = {}): ReplyRequest {
  return {
    promptIds: [5, 17, 3],
    seed: 1,
    temperature: 1,
    topK: 0,
    topP: 1,
    maxNewTokens: 6,
    onToken(token) {
      log.push(`${name}${token}`);
      return false;
    },
    ...change,
  };
}
const namesIn = (log: string[]) => log.map((entry) => entry[0]).join('');

test('what is asked for at once is decoded in turns, token by token; another sampling waits for its own batch', async () => {
  const log: string[] = [];
  const queue = replyQueue(model, [], 8);
  await Promise.all([
    queue.submit(requestOf('a', log, { maxNewTokens: 3 })),
    queue.submit(requestOf('b', log, { temperature: 0.5, maxNewTokens: 2 })),
    queue.submit(requestOf('c', log, { seed: 2, maxNewTokens: 3 })),
  ]);
  expect(namesIn(log)).toBe('acacacbb');
  await queue.close();
});

test('no more at once than the batch takes', async () => {
  const log: string[] = [];
  const queue = replyQueue(model, [], 2);
  const names = ['a', 'b', 'c'];
  await Promise.all(names.map((name) => queue.submit(requestOf(name, log, { maxNewTokens: 2 }))));
  expect(namesIn(log)).toBe('ababcc');
  await queue.close();
});

test('an aborted reply ends at its next token and leaves the others as they would be', async () => {
  const alone: string[] = [];
  const queue = replyQueue(model, [], 8);
  await queue.submit(requestOf('b', alone, { seed: 9, maxNewTokens: 20 }));
  const log: string[] = [];
  const stop = new AbortController();
  const first = queue.submit(
    requestOf('a', log, {
      maxNewTokens: 100,
      signal: stop.signal,
      onToken(token) {
        log.push(`a${token}`);
        if (log.length > 4) stop.abort();
        return false;
      },
    }),
  );
  const other = queue.submit(requestOf('b', log, { seed: 9, maxNewTokens: 20 }));
  await expect(first).rejects.toMatchObject({ code: 'interrupted' });
  expect(await other).toEqual({ finishReason: 'length' });
  expect(log.filter((entry) => entry.startsWith('a'))).toHaveLength(3);
  expect(log.filter((entry) => entry.startsWith('b'))).toEqual(alone);
  await queue.close();
});

test('one that was aborted while it waited is never begun', async () => {
  const log: string[] = [];
  const queue = replyQueue(model, [], 1);
  const stop = new AbortController();
  const first = queue.submit(requestOf('a', log));
  const waiting = queue.submit(requestOf('b', log, { signal: stop.signal }));
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
  await first;
  expect(namesIn(log)).toBe('aaaaaa');
  await queue.close();
});

test('closing stops what runs and refuses what waits and what comes', async () => {
  const log: string[] = [];
  const queue = replyQueue(model, [], 1);
  const running = queue.submit(requestOf('a', log, { maxNewTokens: 100 }));
  const waiting = queue.submit(requestOf('b', log));
  const outcomes = Promise.allSettled([running, waiting]);
  await queue.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(queue.submit(requestOf('c', log))).rejects.toMatchObject({ code: 'interrupted' });
});

test('more waiting than the queue takes is refused as busy', async () => {
  const queue = replyQueue(model, [], 1);
  const many = Array.from({ length: 256 }, () => queue.submit(requestOf('a', [])));
  const settled = Promise.allSettled(many);
  await expect(queue.submit(requestOf('z', []))).rejects.toMatchObject({ code: 'too-many', httpStatus: 429 });
  await queue.close();
  await settled;
});
