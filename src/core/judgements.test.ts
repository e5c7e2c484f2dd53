import { latestJudgements } from './judgements.ts';
import { Judgement } from './records.ts';

function judgement(id: string, annotatorId: string, itemId: string, kind: 'tie' | 'skip' | 'missing'): Judgement {
  const reason = 'no answer';
  return Judgement.parse({
    id,
    candidateSetId: 'candidate-set-1',
    itemId,
    promptId: 'p-1',
    source: { kind: 'human', annotatorId, simulated: false },
    presented: ['c-1', 'c-2'],
    ratings: {},
    comparison: kind === 'tie' ? { kind } : { kind, reason },
    durationMs: null,
    createdAt: '2026-01-01T00:00:00.000Z',
  });
}
const idsOf = (records: Judgement[]) => latestJudgements(records).map((record) => record.id);

describe('latestJudgements', () => {
  test('a revision replaces what the same source said of the same item', () => {
    expect(idsOf([judgement('a', 'ann-1', 'i-1', 'tie'), judgement('a-r2', 'ann-1', 'i-1', 'skip')])).toEqual(['a-r2']);
  });

  test('sources and items are kept apart, in order of first appearance', () => {
    const records = [
      judgement('a', 'ann-1', 'i-1', 'tie'),
      judgement('b', 'ann-2', 'i-1', 'tie'),
      judgement('c', 'ann-1', 'i-2', 'tie'),
      judgement('a-r2', 'ann-1', 'i-1', 'tie'),
    ];
    expect(idsOf(records)).toEqual(['a-r2', 'b', 'c']);
  });

  test('a later failure does not withdraw a verdict, a later verdict replaces a failure', () => {
    expect(idsOf([judgement('a', 'ann-1', 'i-1', 'tie'), judgement('b', 'ann-1', 'i-1', 'missing')])).toEqual(['a']);
    expect(idsOf([judgement('a', 'ann-1', 'i-1', 'missing'), judgement('b', 'ann-1', 'i-1', 'tie')])).toEqual(['b']);
  });
});
