import { ActiveClock } from './activeClock.ts';

describe('ActiveClock', () => {
  test('counts the gaps between signs of life, each up to a minute', () => {
    const clock = new ActiveClock(500, 0);
    clock.touch(10_000);
    // Ten minutes away count as one: 500 + 10,000 + 60,000.
    clock.touch(610_000);
    expect(clock.readMs(610_000)).toBe(70_500);
    expect(clock.readMs(615_000)).toBe(75_500);
  });

  test('counts nothing while the page is hidden', () => {
    const clock = new ActiveClock(0, 0);
    clock.pause(4_000);
    expect(clock.readMs(50_000)).toBe(4_000);
    clock.touch(50_000);
    expect(clock.readMs(51_000)).toBe(5_000);
  });
});
