import { isSameVerdict, leaned, stepsOf } from './strength.ts';
import { taskOf } from './testTask.ts';

const task = taskOf({ comparison: 'strength' });

describe('strength', () => {
  test('runs from the first reply over a tie to the second, with both bad at the end', () => {
    expect(stepsOf(task)).toHaveLength(8);
    expect(stepsOf(task)[0]).toEqual({ kind: 'best', candidateId: 'c-1', strength: 3 });
    expect(stepsOf(task)[6]).toEqual({ kind: 'best', candidateId: 'c-2', strength: 3 });
  });

  test('leans a step at a time and stops at the ends', () => {
    const once = leaned(task, null, 1);
    expect(once).toEqual({ kind: 'best', candidateId: 'c-2', strength: 1 });
    expect(leaned(task, once, -1)).toEqual({ kind: 'tie' });
    const end = stepsOf(task)[0] ?? null;
    expect(leaned(task, end, -1)).toEqual(end);
    expect(leaned(task, { kind: 'tie', bothBad: true }, -1)).toEqual({ kind: 'best', candidateId: 'c-1', strength: 1 });
  });

  test('both bad is not a tie, and strengths differ', () => {
    expect(isSameVerdict({ kind: 'tie' }, { kind: 'tie', bothBad: true })).toBe(false);
    expect(isSameVerdict(null, { kind: 'tie' })).toBe(false);
    const [much, better] = stepsOf(task);
    expect(isSameVerdict(much ?? null, better ?? null)).toBe(false);
  });
});
