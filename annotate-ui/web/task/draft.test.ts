import {
  type Draft,
  emptyDraft,
  missingIn,
  scoreAt,
  undone,
  withActive,
  withComment,
  withCorrection,
  withFlag,
  withRanking,
  withScore,
  withVerdict,
} from './draft.ts';
import { placeAfter } from './place.ts';
import { taskOf } from './testTask.ts';

const task = taskOf();

/** Gives the scores one after the other, as digits typed on the keyboard. */
const typed = (draft: Draft, ...scores: number[]) =>
  scores.reduce(
    (now, score) => withScore(now, task, { place: now.active, score, next: placeAfter(task, now.active) }),
    draft,
  );

describe('a draft', () => {
  test('digits fill criterion after criterion, reply after reply, and end at the verdict', () => {
    const draft = typed(emptyDraft(), 1, 2, 3, 4);
    expect(draft.ratings).toEqual({ 'c-1': { fluency: 1, safety: 2 }, 'c-2': { fluency: 3, safety: 4 } });
    expect(draft.active).toEqual({ candidate: 2, criterion: 0 });
    expect(typed(draft, 5)).toBe(draft);
  });

  test('a score by the mouse stays where it was given', () => {
    const place = { candidate: 1, criterion: 0 };
    const draft = withScore(emptyDraft(), task, { place, score: 5, next: place });
    expect(draft.active).toEqual(place);
    expect(scoreAt(draft, task, place)).toBe(5);
    expect(scoreAt(draft, task, { candidate: 0, criterion: 0 })).toBeNull();
  });

  test('names what is missing in reading order', () => {
    const begun = typed(emptyDraft(), 1, 2, 3);
    expect(missingIn(begun, task)).toEqual([
      { kind: 'score', place: { candidate: 1, criterion: 1 } },
      { kind: 'verdict' },
    ]);
    expect(missingIn(withVerdict(typed(begun, 4), { kind: 'tie' }), task)).toEqual([]);
  });

  test('asks for what the task asks for, and no more', () => {
    expect(missingIn(emptyDraft(), taskOf({ ratings: false, comparison: 'none' }))).toEqual([]);
    const ranking = taskOf({ ratings: false, comparison: 'ranking' });
    const half = withRanking(emptyDraft(), [{ candidateId: 'c-1', isTied: false }]);
    expect(missingIn(half, ranking)).toEqual([{ kind: 'verdict' }]);
    const whole = withRanking(half, [...half.ranking, { candidateId: 'c-2', isTied: true }]);
    expect(missingIn(whole, ranking)).toEqual([]);
  });

  test('undo takes back one change at a time and leaves moves alone', () => {
    const first = typed(emptyDraft(), 3);
    const second = withVerdict(withActive(first, { candidate: 1, criterion: 1 }), { kind: 'best', candidateId: 'c-2' });
    const back = undone(second);
    expect(back?.verdict).toBeNull();
    expect(back?.active).toEqual({ candidate: 1, criterion: 1 });
    const start = back === null ? null : undone(back);
    expect(start?.ratings).toEqual({});
    expect(start === null ? 'no start' : undone(start)).toBeNull();
  });

  test('typing in a row is one step of undo; something else in between makes two', () => {
    const word = ['S', 'So', 'Som'].reduce((draft, text) => withComment(draft, text), emptyDraft());
    expect(word.past).toHaveLength(1);
    expect(undone(word)?.comment).toBe('');
    const more = withComment(withFlag(word, 'c-1', 'nonsense'), 'Some');
    expect(more.past).toHaveLength(3);
    const corrected = withCorrection(withCorrection(emptyDraft(), 'c-1', 'x'), 'c-2', 'y');
    expect(corrected.past).toHaveLength(2);
  });

  test('a flag is switched on and off, a correction dropped', () => {
    const flagged = withFlag(withFlag(emptyDraft(), 'c-1', 'harmful'), 'c-1', 'private');
    expect(flagged.flags).toEqual({ 'c-1': ['harmful', 'private'] });
    expect(withFlag(flagged, 'c-1', 'harmful').flags).toEqual({ 'c-1': ['private'] });
    expect(withCorrection(withCorrection(emptyDraft(), 'c-1', 'x'), 'c-1', null).corrections).toEqual({});
  });
});
