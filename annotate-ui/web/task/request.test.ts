import { JudgementRequest, type Task } from '../../../src/core/annotationApi.ts';
import { emptyDraft, withComment, withCorrection, withFlag, withRanking, withVerdict } from './draft.ts';
import { draftFrom, draftToBegin, newSubmissionId, skipRequest, toRequest } from './request.ts';
import { taskOf } from './testTask.ts';

const sending = { revise: false, submissionId: 'submission-1' };
const bare = { ratings: {}, durationMs: 0, ...sending };

describe('toRequest', () => {
  test('is what the server takes, with every part that was given', () => {
    const task = taskOf({ ratings: false, comparison: 'strength' });
    let draft = withVerdict(emptyDraft(), { kind: 'best', candidateId: 'c-2', strength: 3 });
    draft = withFlag(withComment(withCorrection(draft, 'c-1', 'better'), ' fine '), 'c-1', 'nonsense');
    const request = toRequest({ ...draft, elapsedMs: 70 }, task, { ...sending, revise: true });
    expect(request).toEqual({
      ratings: {},
      comparison: { kind: 'best', candidateId: 'c-2' },
      strength: 3,
      corrections: { 'c-1': 'better' },
      flags: { 'c-1': ['nonsense'] },
      comment: 'fine',
      durationMs: 70,
      revise: true,
      submissionId: 'submission-1',
    });
    expect(() => JudgementRequest.parse(request)).not.toThrow();
  });

  test('leaves out what says nothing: an untouched correction, an empty comment, flags taken back', () => {
    const task = taskOf({ ratings: false, comparison: 'none' });
    let draft = withCorrection(withComment(emptyDraft(), '  '), 'c-1', 'c-1');
    draft = withFlag(withFlag(draft, 'c-2', 'harmful'), 'c-2', 'harmful');
    expect(toRequest(draft, task, sending)).toEqual({ ...bare, comparison: { kind: 'none' } });
  });

  test('of a draft from before the settings changed only what is asked now is sent, and what is new is missing', () => {
    const scores = { fluency: 4, safety: 5, dropped: 2 };
    const draft = withFlag(
      withComment({ ...emptyDraft(), ratings: { 'c-1': scores, 'c-2': scores } }, 'said'),
      'c-1',
      'nonsense',
    );
    const best = withVerdict(draft, { kind: 'best', candidateId: 'c-1' });
    const { dropped: _, ...asked } = scores;
    expect(toRequest(best, taskOf({ comment: false, flags: false }), sending)).toEqual({
      ...bare,
      ratings: { 'c-1': asked, 'c-2': asked },
      comparison: { kind: 'best', candidateId: 'c-1' },
    });
    expect(toRequest(best, taskOf({ comparison: 'strength' }), sending)).toBeNull();
  });

  test('both bad is a tie that says so', () => {
    const task = taskOf({ ratings: false, comparison: 'strength' });
    const draft = withVerdict(emptyDraft(), { kind: 'tie', bothBad: true });
    expect(toRequest(draft, task, sending)).toEqual({ ...bare, comparison: { kind: 'tie' }, bothBad: true });
  });

  test('a ranking names its best, or a tie at the top', () => {
    const task = taskOf({ ratings: false, comparison: 'ranking' });
    const ranked = (isTied: boolean) =>
      withRanking(emptyDraft(), [
        { candidateId: 'c-2', isTied: false },
        { candidateId: 'c-1', isTied },
      ]);
    expect(toRequest(ranked(false), task, sending)).toEqual({
      ...bare,
      comparison: { kind: 'best', candidateId: 'c-2' },
      ranking: [['c-2'], ['c-1']],
    });
    expect(toRequest(ranked(true), task, sending)).toMatchObject({
      comparison: { kind: 'tie' },
      ranking: [['c-2', 'c-1']],
    });
  });

  test('nothing is sent while something is missing; a skip sends no ratings', () => {
    expect(toRequest(emptyDraft(), taskOf(), sending)).toBeNull();
    expect(skipRequest(emptyDraft(), 'cannot-judge', sending)).toEqual({
      ...bare,
      comparison: { kind: 'skip', reason: 'cannot-judge' },
    });
  });

  test('ids of submissions differ and have the form that the server takes', () => {
    const ids = Array.from({ length: 50 }, newSubmissionId);
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id).toMatch(/^[\w-]{8,64}$/);
  });
});

describe('the draft to begin with', () => {
  const kept = { ...emptyDraft(), comment: 'kept', changedAtMs: 2 };

  test('is the newer of what the browser and the server kept', () => {
    const task = (changedAtMs: number) =>
      ({ ...taskOf(), draft: { comment: 'served', changedAtMs } }) as unknown as Task;
    expect(draftToBegin(task(1), kept).comment).toBe('kept');
    expect(draftToBegin(task(3), kept).comment).toBe('served');
    expect(draftToBegin(task(3), null).comment).toBe('served');
  });

  test('is what was said before where nothing was kept, and empty where nothing was said', () => {
    const judgement = {
      ratings: { 'c-1': { fluency: 2 } },
      comparison: { kind: 'best', candidateId: 'c-1' },
      strength: 2,
      durationMs: 5,
      flags: { 'c-1': ['private'] },
    };
    const task = { ...taskOf(), judgement } as unknown as Task;
    expect(draftToBegin(task, null)).toMatchObject({
      ratings: { 'c-1': { fluency: 2 } },
      verdict: { kind: 'best', candidateId: 'c-1', strength: 2 },
      flags: { 'c-1': ['private'] },
      elapsedMs: 5,
    });
    expect(draftToBegin(taskOf(), null)).toEqual(emptyDraft());
  });

  test('what is no draft is passed over', () => {
    for (const odd of [null, 7, 'x', { past: 1 }, { ranking: {} }, { ratings: null }, { active: {} }]) {
      expect(draftFrom(odd)).toBeNull();
    }
  });
});
