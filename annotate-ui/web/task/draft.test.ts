import type { Task } from '../../../src/core/annotationApi.ts';
import {
  type Draft,
  emptyDraft,
  missingIn,
  placeAfter,
  placeToward,
  scoreAt,
  skipRequest,
  toRequest,
  undone,
  withActive,
  withScore,
  withVerdict,
} from './draft.ts';

const text = { name: 'n', question: 'q', anchors: ['1', '2', '3', '4', '5'] };
const task = {
  itemId: 'item-1',
  promptId: 'p-1',
  messages: [{ role: 'user', content: 'Hello' }],
  candidates: [
    { key: 'A', candidateId: 'c-1', text: 'a' },
    { key: 'B', candidateId: 'c-2', text: 'b' },
  ],
  criteria: ['fluency', 'safety'].map((id) => ({ id, text: { en: text, zh: text } })),
} as unknown as Task;

/** Gives the scores one after the other, as digits typed on the keyboard. */
const typed = (draft: Draft, ...scores: number[]) =>
  scores.reduce((now, score) => withScore(now, task, { place: now.active, score, moveOn: true }), draft);

describe('a draft', () => {
  test('digits fill criterion after criterion, reply after reply, and end at the verdict', () => {
    const draft = typed(emptyDraft(), 1, 2, 3, 4);
    expect(draft.ratings).toEqual({ 'c-1': { fluency: 1, safety: 2 }, 'c-2': { fluency: 3, safety: 4 } });
    expect(draft.active).toEqual({ candidate: 2, criterion: 0 });
    expect(typed(draft, 5)).toBe(draft);
  });

  test('a score by the mouse stays where it was given', () => {
    const place = { candidate: 1, criterion: 0 };
    const draft = withScore(emptyDraft(), task, { place, score: 5, moveOn: false });
    expect(draft.active).toEqual(place);
    expect(scoreAt(draft, task, place)).toBe(5);
    expect(scoreAt(draft, task, { candidate: 0, criterion: 0 })).toBeNull();
  });

  test('is complete with every score and a verdict, and names what is missing in reading order', () => {
    const begun = typed(emptyDraft(), 1, 2, 3);
    expect(missingIn(begun, task)).toEqual([
      { kind: 'score', place: { candidate: 1, criterion: 1 } },
      { kind: 'verdict' },
    ]);
    expect(toRequest(begun, task, false)).toBeNull();
    const scored = typed(begun, 4);
    expect(toRequest(scored, task, false)).toBeNull();
    expect(toRequest({ ...withVerdict(scored, { kind: 'tie' }), elapsedMs: 70 }, task, true)).toEqual({
      ratings: scored.ratings,
      comparison: { kind: 'tie' },
      durationMs: 70,
      revise: true,
    });
  });

  test('undo takes back one change at a time and leaves moves alone', () => {
    const first = typed(emptyDraft(), 3);
    const second = withVerdict(withActive(first, { candidate: 1, criterion: 1 }), { kind: 'best', candidateId: 'c-2' });
    const back = undone(second);
    expect(back?.verdict).toBeNull();
    expect(back?.active).toEqual({ candidate: 1, criterion: 1 });
    const start = back === null ? null : undone(back);
    expect(start?.ratings).toEqual({});
    expect(start?.active).toEqual({ candidate: 0, criterion: 0 });
    expect(start === null ? 'no start' : undone(start)).toBeNull();
  });

  test('places run through the item and stop at its ends', () => {
    expect(placeAfter(task, { candidate: 1, criterion: 1 })).toEqual({ candidate: 2, criterion: 0 });
    expect(placeAfter(task, { candidate: 2, criterion: 0 })).toEqual({ candidate: 2, criterion: 0 });
    expect(placeToward(task, { candidate: 2, criterion: 0 }, 'up')).toEqual({ candidate: 1, criterion: 1 });
    expect(placeToward(task, { candidate: 0, criterion: 0 }, 'up')).toEqual({ candidate: 0, criterion: 0 });
    expect(placeToward(task, { candidate: 0, criterion: 1 }, 'down')).toEqual({ candidate: 1, criterion: 0 });
    expect(placeToward(task, { candidate: 0, criterion: 1 }, 'right')).toEqual({ candidate: 1, criterion: 1 });
    expect(placeToward(task, { candidate: 1, criterion: 1 }, 'right')).toEqual({ candidate: 1, criterion: 1 });
    expect(placeToward(task, { candidate: 2, criterion: 0 }, 'left')).toEqual({ candidate: 1, criterion: 0 });
    expect(placeToward(task, { candidate: 0, criterion: 1 }, 'left')).toEqual({ candidate: 0, criterion: 1 });
  });

  test('a skip sends no ratings, whatever was scored', () => {
    expect(skipRequest(typed(emptyDraft(), 1, 2), 'cannot-judge', false)).toEqual({
      ratings: {},
      comparison: { kind: 'skip', reason: 'cannot-judge' },
      durationMs: 0,
      revise: false,
    });
  });
});
