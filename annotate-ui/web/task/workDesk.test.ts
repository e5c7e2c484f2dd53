import { jest } from '@jest/globals';
import type { JudgementReply, NextReply, Standing, Task } from '../../../src/core/annotationApi.ts';
import { ApiError, OfflineError } from '../net/call.ts';
import { memoryStore } from '../net/storage.ts';
import { withComment, withVerdict } from './draft.ts';
import { newSubmissionId, toRequest } from './request.ts';
import { taskOf } from './testTask.ts';
import { WorkDesk } from './workDesk.ts';

const standing: Standing = { guidelinesRead: true, qualification: null, paused: null };
const progress = { done: 0, skipped: 0, total: 9, remaining: null };
const taskNamed = (itemId: string, change: Partial<Task> = {}) =>
  ({ ...taskOf({ ratings: false }), itemId, ...change }) as Task;

/** A server that hands out the named tasks in turn, and a desk at it. */
function deskAt(tasks: Task[]) {
  const store = memoryStore();
  const judged: Array<{ itemId: string; submissionId: string | undefined }> = [];
  const drafts: string[] = [];
  const server = { isUp: true, feedback: null as JudgementReply['feedback'], refuses: null as ApiError | null, tasks };
  let now = 1000;
  const up = () => {
    if (!server.isUp) throw new OfflineError(null);
  };
  const api = {
    next: async (held: ReadonlyArray<string>): Promise<NextReply> => {
      up();
      const done = judged.map(({ itemId }) => itemId);
      const task = server.tasks.find(({ itemId }) => !held.includes(itemId) && !done.includes(itemId)) ?? null;
      return { state: task === null ? 'done' : 'task', task, progress: { ...progress, done: done.length }, standing };
    },
    judge: async (itemId: string, body: { submissionId?: string | undefined }): Promise<JudgementReply> => {
      up();
      if (server.refuses !== null) throw server.refuses;
      judged.push({ itemId, submissionId: body.submissionId });
      const reply = { judgementId: 'j', status: 'saved' as const, standing, feedback: server.feedback };
      return { ...reply, progress: { ...progress, done: judged.length } };
    },
    saveDraft: async (itemId: string) => {
      drafts.push(itemId);
      return { leaseExpiresAt: null };
    },
    release: async () => ({}),
  };
  const make = () => {
    const desk = new WorkDesk({
      api,
      store,
      prefix: 'test',
      standing,
      now: () => now,
      onState: () => undefined,
      onSessionEnded: () => undefined,
    });
    desk.wake();
    return desk;
  };
  return {
    desk: make(),
    again: make,
    server,
    judged,
    drafts,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

/** Lets the replies that are on their way arrive. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
const tie = (desk: WorkDesk) => {
  const { shown } = desk.state;
  if (shown !== null) desk.change(withVerdict(shown.draft, { kind: 'tie' }));
  const sending = { revise: desk.state.shown?.isRevision ?? false, submissionId: newSubmissionId() };
  return desk.submit((draft) => (shown === null ? null : toRequest(draft, shown.task, sending)));
};

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('the work desk', () => {
  test('shows the first item, holds two more, and goes on without waiting', async () => {
    const { desk, judged } = deskAt(['i-1', 'i-2', 'i-3', 'i-4'].map((id) => taskNamed(id)));
    await settle();
    expect(desk.state.shown?.task.itemId).toBe('i-1');
    expect(tie(desk)).toBe(true);
    // At once, before any reply.
    expect(desk.state.shown?.task.itemId).toBe('i-2');
    await settle();
    expect(judged.map(({ itemId }) => itemId)).toEqual(['i-1']);
  });

  test('an item with something missing is not submitted', async () => {
    const { desk, judged } = deskAt([taskNamed('i-1')]);
    await settle();
    expect(desk.submit((draft) => toRequest(draft, taskNamed('i-1'), { revise: false, submissionId: 'x' }))).toBe(
      false,
    );
    await settle();
    expect(judged).toEqual([]);
    expect(desk.state.shown?.task.itemId).toBe('i-1');
  });

  test('without a connection work goes on as far as it is held, and a new desk sends the same submissions', async () => {
    const { desk, again, judged, server } = deskAt(['i-1', 'i-2', 'i-3'].map((id) => taskNamed(id)));
    await settle();
    server.isUp = false;
    for (let i = 0; i < 3; i++) {
      tie(desk);
      await settle();
    }
    expect(desk.state.phase).toBe('offline');
    expect(desk.state.outbox.pending).toBe(3);
    expect(judged).toEqual([]);
    desk.stop();
    // As after a reload.
    server.isUp = true;
    const next = again();
    await settle();
    await settle();
    expect(judged.map(({ itemId }) => itemId)).toEqual(['i-1', 'i-2', 'i-3']);
    expect(new Set(judged.map(({ submissionId }) => submissionId)).size).toBe(3);
    expect(next.state.outbox.pending).toBe(0);
  });

  test('a draft survives in the browser at once and goes to the server soon', async () => {
    const { desk, again, drafts } = deskAt([taskNamed('i-1')]);
    await settle();
    const { shown } = desk.state;
    if (shown !== null) desk.change(withComment(shown.draft, 'half'));
    expect(drafts).toEqual([]);
    jest.advanceTimersByTime(2000);
    expect(drafts).toEqual(['i-1']);
    desk.stop();
    const next = again();
    await settle();
    expect(next.state.shown?.draft.comment).toBe('half');
  });

  test('counts the time on an item, not on the one before', async () => {
    const { desk, pass } = deskAt(['i-1', 'i-2'].map((id) => taskNamed(id)));
    await settle();
    pass(5000);
    desk.touch();
    tie(desk);
    expect(desk.state.last?.draft.elapsedMs).toBe(5000);
    pass(2000);
    tie(desk);
    expect(desk.state.last?.draft.elapsedMs).toBe(2000);
  });

  test('goes back to the last item, and returns to the one that was open', async () => {
    const { desk, judged } = deskAt(['i-1', 'i-2'].map((id) => taskNamed(id)));
    await settle();
    tie(desk);
    await settle();
    desk.goBack();
    expect(desk.state.shown).toMatchObject({ task: { itemId: 'i-1' }, isRevision: true });
    tie(desk);
    await settle();
    expect(desk.state.shown).toMatchObject({ task: { itemId: 'i-2' }, isRevision: false });
    expect(judged.map(({ itemId }) => itemId)).toEqual(['i-1', 'i-1']);
  });

  test('the practice round waits for what is told, and fetches nothing ahead', async () => {
    const { desk, server } = deskAt(['q-1', 'q-2'].map((id) => taskNamed(id, { round: 'qualification' })));
    server.feedback = { score: 1, expected: { best: null }, explanation: 'so' };
    await settle();
    tie(desk);
    expect(desk.state.phase).toBe('checking');
    await settle();
    expect(desk.state).toMatchObject({ phase: 'told', shown: null, told: { feedback: { explanation: 'so' } } });
    desk.goOn();
    await settle();
    expect(desk.state.shown?.task.itemId).toBe('q-2');
    expect(desk.state.last).toBeNull();
  });

  test('a judgement that is refused is told, and the work goes on', async () => {
    const { desk, server } = deskAt(['i-1', 'i-2'].map((id) => taskNamed(id)));
    await settle();
    server.refuses = new ApiError(409, 'judged before');
    tie(desk);
    await settle();
    expect(desk.state.refusal?.message).toBe('judged before');
    expect(desk.state.outbox.pending).toBe(0);
    expect(desk.state.shown?.task.itemId).toBe('i-2');
  });

  test('a refused judgement is the draft of its item, which comes again with it, after a reload too', async () => {
    const { desk, again, server, judged } = deskAt(['i-1', 'i-2'].map((id) => taskNamed(id)));
    await settle();
    const { shown } = desk.state;
    if (shown !== null) desk.change(withComment(shown.draft, 'long thought'));
    server.refuses = new ApiError(403, 'paused');
    tie(desk);
    await settle();
    expect(desk.state.outbox.pending).toBe(0);
    desk.stop();
    server.refuses = null;
    const next = again();
    await settle();
    expect(next.state.shown).toMatchObject({
      task: { itemId: 'i-1' },
      isRevision: false,
      draft: { comment: 'long thought', verdict: { kind: 'tie' } },
    });
    tie(next);
    await settle();
    expect(judged.map(({ itemId }) => itemId)).toEqual(['i-1']);
    next.stop();
    // Confirmed, it leaves no draft behind.
    judged.length = 0;
    const fresh = again();
    await settle();
    expect(fresh.state.shown?.draft.comment).toBe('');
  });
});
