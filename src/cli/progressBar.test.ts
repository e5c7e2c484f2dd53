import { durationText, progressOn, RemainingTime } from './progressBar.ts';

describe('the time left', () => {
  test('is the rest at the pace so far', () => {
    const estimate = new RemainingTime(10, 0);
    expect(estimate.remainingMs(0)).toBeNull();
    estimate.record(2, 4000);
    // 2 done in 4 s: 8 more take 16 s; one second on, 15 s.
    expect(estimate.remainingMs(4000)).toBe(16_000);
    expect(estimate.remainingMs(5000)).toBe(15_000);
    expect(estimate.remainingMs(60_000)).toBe(0);
  });

  test('does not take resumed work for work done at once', () => {
    const estimate = new RemainingTime(100, 0);
    estimate.record(90, 1);
    expect(estimate.remainingMs(1)).toBeNull();
    estimate.record(91, 2001);
    // One step took 2 s, 9 are left: 18 s, not 91 steps in 2 s.
    expect(estimate.remainingMs(2001)).toBe(18_000);
  });

  test('follows a change of pace within half a minute', () => {
    const estimate = new RemainingTime(1000, 0);
    for (let second = 1; second <= 10; second++) estimate.record(second * 10, second * 1000);
    // From 10 s on one item a second; at 60 s the last 30 s saw 30 items. 150 done: 850 s are left.
    for (let second = 11; second <= 60; second++) estimate.record(100 + second - 10, second * 1000);
    expect(estimate.remainingMs(60_000)).toBe(850_000);
  });

  test('reads as people say it', () => {
    expect([8400, 65_000, 7_620_000].map(durationText)).toEqual(['8s', '1m 05s', '2h 07m']);
  });
});

function recorder(isTTY: boolean) {
  const state = { text: '', nowMs: 0 };
  const stream = {
    isTTY,
    columns: 100,
    write: (text: string) => {
      state.text += text;
    },
    cursorTo: () => true,
  };
  return { state, stream, now: () => state.nowMs };
}

describe('without a terminal', () => {
  test('a line at most every five seconds, and one at the end', () => {
    const { state, stream, now } = recorder(false);
    const task = progressOn({ stream, now, quiet: false }).start('sft', 20, 'steps');
    for (let step = 1; step <= 20; step++) {
      state.nowMs = step * 1000;
      task.update(step, { loss: 1 / step });
    }
    task.finish();
    task.finish();
    expect(state.text.split('\n')).toEqual([
      'sft: 5/20 steps, loss 0.2000, 15s left',
      'sft: 10/20 steps, loss 0.1000, 10s left',
      'sft: 15/20 steps, loss 0.06667, 5s left',
      'sft: 20/20 steps, loss 0.05000, 0s left',
      'sft: 20/20 steps, loss 0.05000, 20s in all',
      '',
    ]);
  });

  test('quiet writes nothing', () => {
    const { state, stream, now } = recorder(false);
    const display = progressOn({ stream, now, quiet: true });
    const task = display.start('sft', 2, 'steps');
    state.nowMs = 9000;
    task.update(1);
    task.finish();
    display.note('news');
    expect(state.text).toBe('');
  });
});

describe('on a terminal', () => {
  let stop = (): void => undefined;
  // A bar redraws by a timer, which would keep a failed test's process alive.
  afterEach(() => stop());

  test('draws a bar with figures and estimate; other lines stay whole', () => {
    const { state, stream, now } = recorder(true);
    const display = progressOn({ stream, now, quiet: false });
    stop = display.stop;
    const task = display.start('ppo', 4, 'steps');
    state.nowMs = 3000;
    task.update(1, { kl: 0.5 });
    expect(state.text).toContain('1/4 steps, kl 0.5000, 9s left');
    display.note('saved');
    expect(state.text).toContain('saved\n');
    state.text = '';
    display.line(() => stream.write('result\n'), true);
    // The bar is cleared, the line written, the bar drawn again below it.
    const [before, after] = state.text.split('\x1b[Jresult\n');
    expect(before).not.toContain('ppo');
    expect(after).toMatch(/ppo .*1\/4 steps/);
    state.text = '';
    display.line(() => stream.write('to a file\n'), false);
    expect(state.text).toBe('to a file\n');
    task.finish();
    display.stop();
    expect(state.text).toMatch(/1\/4 steps, kl 0\.5000, 3s in all/);
    expect(state.text.endsWith('\n')).toBe(true);
  });
});
