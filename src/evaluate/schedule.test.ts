import { ArtifactId, ScheduleId } from '../core/ids.ts';
import type { Firing } from '../store/schedules.ts';
import { cronProblem, type SchedulerOptions, startScheduler } from './schedule.ts';

const EVERY_SECOND = '* * * * * *';
const NEVER_SOON = '0 0 1 1 *';

const schedule = (id: string, cron: string, evaluate: Record<string, unknown> = {}) => ({
  id: ScheduleId.parse(id),
  cron,
  evaluate,
});

async function until(condition: () => boolean, timeoutMs = 4000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function harness(options: Partial<SchedulerOptions>) {
  const fired: Array<{ id: string; firing: Firing }> = [];
  const notes: string[] = [];
  const scheduler = startScheduler({
    schedules: () => [schedule('schedule-1', EVERY_SECOND, { model: 'policy-1' })],
    record: (id, firing) => fired.push({ id, firing }),
    runEvaluation: async () => ArtifactId.parse('evaluation-1'),
    note: (line) => notes.push(line),
    ...options,
  });
  return { fired, notes, scheduler };
}

describe('cronProblem', () => {
  test('accepts five fields and six, and says what is wrong with others', () => {
    expect(cronProblem('0 3 * * 1')).toBeNull();
    expect(cronProblem(EVERY_SECOND)).toBeNull();
    expect(cronProblem('61 * * * *')).not.toBeNull();
    expect(cronProblem('sometimes')).not.toBeNull();
    expect(cronProblem('0 0 30 2 *')).toBe('it never fires');
  });
});

describe('startScheduler', () => {
  test('runs the evaluation with the schedule’s options and records it', async () => {
    const asked: unknown[] = [];
    const { fired, scheduler } = harness({
      runEvaluation: async (options) => {
        asked.push(options);
        return ArtifactId.parse('evaluation-7');
      },
    });
    await until(() => fired.length > 0);
    await scheduler.stop();
    expect(asked[0]).toEqual({ model: 'policy-1' });
    expect(fired[0]?.id).toBe('schedule-1');
    expect(fired[0]?.firing).toMatchObject({ evaluationId: 'evaluation-7', error: null });
  });

  test('records an error and goes on', async () => {
    let calls = 0;
    const { fired, scheduler } = harness({
      runEvaluation: async () => {
        calls += 1;
        if (calls === 1) throw new Error('no such model');
        return ArtifactId.parse('evaluation-1');
      },
    });
    await until(() => fired.length >= 2);
    await scheduler.stop();
    expect(fired[0]?.firing).toMatchObject({ evaluationId: null, error: 'no such model' });
    expect(fired[1]?.firing.error).toBeNull();
  });

  test('never runs two at once: what fires meanwhile waits, and is run once', async () => {
    let running = 0;
    let most = 0;
    const started: unknown[] = [];
    let release: () => void = () => undefined;
    const firstDone = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { scheduler } = harness({
      schedules: () => [schedule('schedule-1', EVERY_SECOND, { n: 1 }), schedule('schedule-2', EVERY_SECOND, { n: 2 })],
      runEvaluation: async ({ n }) => {
        running += 1;
        most = Math.max(most, running);
        started.push(n);
        if (started.length === 1) await firstDone;
        running -= 1;
        return ArtifactId.parse('evaluation-1');
      },
    });
    await until(() => started.length === 1);
    // Both schedules fire at least once more while the first evaluation runs.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(started).toHaveLength(1);
    release();
    await until(() => started.length >= 3);
    await scheduler.stop();
    expect(most).toBe(1);
    // Whichever came first, each schedule has one turn after it, however often both fired.
    expect(new Set(started.slice(1, 3))).toEqual(new Set([1, 2]));
  });

  test('picks up a schedule that is added later and drops one that is removed', async () => {
    const current = [schedule('schedule-1', NEVER_SOON)];
    const { scheduler } = harness({ schedules: () => current, pollMs: 20 });
    expect(scheduler.nextFirings().map(({ id }) => id)).toEqual(['schedule-1']);
    current.splice(0, 1, schedule('schedule-2', NEVER_SOON));
    await until(() => scheduler.nextFirings()[0]?.id === 'schedule-2');
    expect(scheduler.nextFirings()).toHaveLength(1);
    await scheduler.stop();
    expect(scheduler.nextFirings()).toEqual([]);
  });

  test('notes a bad expression and a store that cannot be read, and lives on', async () => {
    let broken = true;
    const { notes, scheduler } = harness({
      schedules: () => {
        if (broken) throw new Error('db.json is damaged');
        return [schedule('schedule-1', 'nonsense'), schedule('schedule-2', NEVER_SOON)];
      },
      pollMs: 20,
    });
    broken = false;
    await until(() => scheduler.nextFirings().length === 1);
    await scheduler.stop();
    expect(notes[0]).toContain('db.json is damaged');
    expect(notes.filter((line) => line.includes('schedule-1'))).toHaveLength(1);
  });

  test('an abort stops the running evaluation, which is recorded as ended by it', async () => {
    const abort = new AbortController();
    let isRunning = false;
    const { fired } = harness({
      signal: abort.signal,
      runEvaluation: (_, signal) =>
        new Promise((_resolve, reject) => {
          isRunning = true;
          signal.addEventListener('abort', () => reject(new Error('interrupted')));
        }),
    });
    await until(() => isRunning);
    abort.abort();
    await until(() => fired.length === 1);
    expect(fired[0]?.firing.error).toBe('interrupted');
  });
});
