import { Schedule } from './schedule.ts';

const [A, B, C] = [[1, 2, 3], [4, 5], [6]];

test('all enter at once where there is room; a prompt is computed once and copied to its siblings', () => {
  const schedule = new Schedule([A, B, A, A], 4);
  expect(schedule.enter()).toEqual([
    { index: 0, slot: 0, source: null },
    { index: 2, slot: 1, source: 0 },
    { index: 3, slot: 2, source: 0 },
    { index: 1, slot: 3, source: null },
  ]);
  expect(schedule.unfinished).toBe(4);
  expect([...schedule.running]).toEqual([
    [0, 0],
    [2, 1],
    [3, 2],
    [1, 3],
  ]);
});

test('those that wait take the slots of those that end; a freed slot still holds its prompt', () => {
  const schedule = new Schedule([A, A, A, B, C], 2);
  expect(schedule.enter()).toHaveLength(2);
  expect(schedule.enter()).toEqual([]);
  schedule.end(0);
  expect(schedule.enter()).toEqual([{ index: 2, slot: 0, source: 0 }]);
  schedule.end(1);
  schedule.end(2);
  expect(schedule.enter()).toEqual([
    { index: 3, slot: 1, source: null },
    { index: 4, slot: 0, source: null },
  ]);
  expect(schedule.unfinished).toBe(2);
  schedule.end(3);
  schedule.end(4);
  expect(schedule.unfinished).toBe(0);
  expect(schedule.enter()).toEqual([]);
});

test('of many slots, a quarter is free before others enter, or all are', () => {
  const prompts = Array.from({ length: 12 }, (_, i) => [i]);
  const schedule = new Schedule(prompts, 8);
  expect(schedule.enter()).toHaveLength(8);
  schedule.end(3);
  expect(schedule.enter()).toEqual([]);
  schedule.end(5);
  expect(schedule.enter().map(({ index, slot }) => [index, slot])).toEqual([
    [8, 3],
    [9, 5],
  ]);
});

test.each([1, 2, 3, 5])(
  'with %d slots every sequence runs once, alone in its slot, each prompt computed once',
  (slots) => {
    const prompts = [A, B, A, C, B, A, A, C, B];
    const schedule = new Schedule(prompts, slots);
    const entered: number[] = [];
    const computed: string[] = [];
    for (let step = 0; schedule.unfinished > 0; step++) {
      for (const { index, source } of schedule.enter()) {
        entered.push(index);
        if (source === null) computed.push(String(prompts[index]));
      }
      const running = [...schedule.running];
      expect(new Set(running.map(([, slot]) => slot)).size).toBe(running.length);
      // One ends in each step, another one each time.
      const ending = running[step % running.length];
      if (ending !== undefined) schedule.end(ending[0]);
    }
    expect(entered.toSorted((a, b) => a - b)).toEqual(prompts.map((_, i) => i));
    expect(computed.toSorted()).toEqual([A, B, C].map(String).toSorted());
  },
);
