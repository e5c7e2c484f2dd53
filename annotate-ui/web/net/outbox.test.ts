import { jest } from '@jest/globals';
import type { JudgementReply, JudgementRequest } from '../../../src/core/annotationApi.ts';
import { ApiError, OfflineError } from './call.ts';
import { Outbox } from './outbox.ts';
import { memoryStore } from './storage.ts';

const reply = {
  judgementId: 'j',
  status: 'saved',
  progress: { done: 1, skipped: 0, total: 3, remaining: null },
} as unknown as JudgementReply;
const body = (durationMs: number): JudgementRequest => ({ ratings: {}, comparison: { kind: 'tie' }, durationMs });

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** An outbox whose server answers as `answer` says; what happened is in `events`. */
function outboxOn(answer: (itemId: string, body: JudgementRequest) => Promise<JudgementReply>, store = memoryStore()) {
  const events: string[] = [];
  const outbox = new Outbox({
    store,
    prefix: 'out/',
    send: (itemId, sent) => {
      events.push(`send ${itemId} ${sent.durationMs}`);
      return answer(itemId, sent);
    },
    onState: (state, pending) => events.push(`${state} ${pending}`),
    onSaved: () => events.push('saved'),
    onRefused: (itemId, _body, error) => events.push(`refused ${itemId} ${error.status}`),
    onSignedOut: () => events.push('signed out'),
  });
  return { outbox, events, store };
}
const settle = () => jest.advanceTimersByTimeAsync(0);

describe('the outbox', () => {
  test('keeps a judgement until it is confirmed', async () => {
    const { outbox, events, store } = outboxOn(async () => reply);
    outbox.put('item-1', body(1));
    expect(store.get('out/item-1')).not.toBeNull();
    await settle();
    expect(store.get('out/item-1')).toBeNull();
    expect(events).toEqual(['sending 1', 'send item-1 1', 'saved', 'idle 0']);
  });

  test('tries again after a failure that passes, at growing intervals, and loses nothing', async () => {
    let failures = 3;
    const errors = [new OfflineError('no network'), new ApiError(503, 'busy'), new ApiError(429, 'slow down')];
    const { outbox, events } = outboxOn(async () => {
      const error = errors[--failures];
      if (error !== undefined) throw error;
      return reply;
    });
    outbox.put('item-1', body(1));
    await settle();
    expect(events.at(-1)).toBe('waiting 1');
    // 1 s, 2 s, 4 s.
    await jest.advanceTimersByTimeAsync(1000);
    expect(events.filter((event) => event.startsWith('send '))).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(1999);
    expect(events.filter((event) => event.startsWith('send '))).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(4001);
    expect(events.slice(-2)).toEqual(['saved', 'idle 0']);
    expect(outbox.pending()).toEqual([]);
  });

  test('goes on after a reload with what was not confirmed', async () => {
    const store = memoryStore();
    const before = outboxOn(() => new Promise(() => undefined), store);
    before.outbox.put('item-2', body(7));
    before.outbox.put('item-1', body(5));
    before.outbox.stop();
    const after = outboxOn(async () => reply, store);
    expect(after.outbox.pending()).toEqual(['item-1', 'item-2']);
    after.outbox.flush();
    await settle();
    expect(after.events).toContain('send item-1 5');
    expect(after.events).toContain('send item-2 7');
    expect(after.outbox.pending()).toEqual([]);
  });

  test('a judgement replaced while it is being sent is sent again', async () => {
    const answers: Array<(value: JudgementReply) => void> = [];
    const { outbox, events } = outboxOn(() => new Promise((resolve) => answers.push(resolve)));
    outbox.put('item-1', body(1));
    outbox.put('item-1', body(2));
    answers[0]?.(reply);
    await settle();
    answers[1]?.(reply);
    await settle();
    expect(events.filter((event) => event.startsWith('send '))).toEqual(['send item-1 1', 'send item-1 2']);
    expect(outbox.pending()).toEqual([]);
  });

  test('drops what the server will never take, says so, and sends the rest', async () => {
    const { outbox, events } = outboxOn(async (itemId) => {
      if (itemId === 'item-1') throw new ApiError(409, 'judged otherwise');
      return reply;
    });
    outbox.put('item-1', body(1));
    outbox.put('item-2', body(2));
    await settle();
    expect(events).toContain('refused item-1 409');
    expect(events.at(-1)).toBe('idle 0');
  });

  test('stops at the end of the session and keeps everything', async () => {
    const { outbox, events } = outboxOn(async () => {
      throw new ApiError(401, 'sign in');
    });
    outbox.put('item-1', body(1));
    await settle();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(events).toEqual(['sending 1', 'send item-1 1', 'signed out', 'waiting 1']);
    expect(outbox.pending()).toEqual(['item-1']);
  });
});
