import { ArtifactId, CandidateId, ItemId, PromptId } from '../core/ids.ts';
import { randomFrom } from '../core/random.ts';
import type { Candidate, Judgement, Outcome, Scores } from '../core/records.ts';
import { mergeJudgements } from './merge.ts';
import { reportMerge } from './mergeReport.ts';
import { MergeConfig } from './pairsConfig.ts';
import { utilityOf } from './preferences.ts';

const SET = ArtifactId.parse('candidate-set-1');
const config = (given: Partial<MergeConfig> = {}) => MergeConfig.parse({ ...given });
const promptId = (i: number) => PromptId.parse(`p-${i}`);
const itemId = (i: number) => ItemId.parse(`item-${i}`);
const candidateId = (i: number, c: number) => CandidateId.parse(`c-${i}-${c}`);

function candidatesOf(items: number, size: number): Candidate[] {
  return Array.from({ length: items * size }, (_, n) => {
    const [i, c] = [Math.floor(n / size), n % size];
    return {
      id: candidateId(i, c),
      promptId: promptId(i),
      model: `model-${c}`,
      sampleIndex: 0,
      seed: 1,
      sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 8 },
      text: `reply ${c} to ${i}`,
      finishReason: 'stop',
    };
  });
}

/** One judgement of item i; `points` are the scores of all three criteria by candidate, null for no rating. */
function judgement(
  source: Judgement['source'],
  i: number,
  points: ReadonlyArray<number | null>,
  comparison: Outcome = { kind: 'tie' },
): Judgement {
  const ratings: Record<string, Scores> = {};
  for (const [c, point] of points.entries()) {
    if (point === null) continue;
    ratings[candidateId(i, c)] = { instructionFollowing: point, fluency: point, safety: point };
  }
  return {
    id: `j-${JSON.stringify(source).length}-${'annotatorId' in source ? source.annotatorId : source.judge}-${i}`,
    candidateSetId: SET,
    itemId: itemId(i),
    promptId: promptId(i),
    source,
    presented: points.map((_, c) => candidateId(i, c)),
    ratings,
    comparison,
    durationMs: null,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

const human = (name: string): Judgement['source'] =>
  ({ kind: 'human', annotatorId: name, simulated: false }) as Judgement['source'];
const JUDGE: Judgement['source'] = { kind: 'judge', judge: 'rule-based', promptHash: 'abc' };
const best = (i: number, c: number): Outcome => ({ kind: 'best', candidateId: candidateId(i, c) });

function merge(judgements: Judgement[], given: Partial<MergeConfig> = {}, items = 60, size = 2) {
  return mergeJudgements({
    judgements,
    candidates: candidatesOf(items, size),
    prompts: Array.from({ length: items }, (_, i) => ({ id: promptId(i), split: 'train' as const })),
    config: config(given),
    seed: 1,
  });
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('the merged preference', () => {
  test('of one rater follows the formulas', () => {
    // Utilities 4, 2: mean 3, squares 2, one degree; the pooled variance is its own, 2, so σ² = (2 + 10 × 2) / 11 = 2.
    // d = (4 - 2) / √2 + 1 for the named best = 2.41421; soft label 1 / (1 + exp(-1.5 × 2.41421)) = 1 / 1.02675 = 0.97395.
    const { pairs, sources } = merge([judgement(human('ann'), 0, [2, 4], best(0, 1))]);
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({ chosenId: 'c-0-1', rejectedId: 'c-0-0', chosen: 'reply 1 to 0' });
    expect(pairs[0]?.margin).toBeCloseTo(2.41421, 5);
    expect(pairs[0]?.softLabel).toBeCloseTo(0.97395, 5);
    expect(sources[0]).toMatchObject({ source: 'human:ann', mean: 3, reliability: 1, weight: 1, correlation: null });
    expect(sources[0]?.sd).toBeCloseTo(Math.SQRT2, 12);
  });

  test('weighs a judge at half a human', () => {
    // No ratings, opposite bests: d = 1 and -1. D = (1 × ρ - 0.5 × ρ') / (ρ + 0.5 ρ') with r = -1 over one pair for
    // both (a single pair has no correlation, so ρ = 1): (1 - 0.5) / 1.5 = 1/3.
    const { pairs } = merge([
      judgement(human('ann'), 0, [null, null], best(0, 0)),
      judgement(JUDGE, 0, [null, null], best(0, 1)),
    ]);
    expect(pairs[0]?.chosenId).toBe('c-0-0');
    expect(pairs[0]?.margin).toBeCloseTo(1 / 3, 12);
    expect(pairs[0]?.provenance.preferences).toEqual({ 'human:ann': 1, 'judge:rule-based': -1 });
  });

  test('criterion weights choose what counts', () => {
    const scores = { instructionFollowing: 5, fluency: 1, safety: 3 };
    expect(utilityOf(scores, { instructionFollowing: 1, fluency: 1, safety: 1 })).toBeCloseTo(3, 12);
    // (3 × 5 + 1 × 1) / 4 = 4.
    expect(utilityOf(scores, { instructionFollowing: 3, fluency: 1 })).toBeCloseTo(4, 12);
    expect(utilityOf(scores, { tone: 1 })).toBeNull();
  });
});

describe('bias and scale of a rater', () => {
  test('fall away: a harsh rater and a mild one of the same opinions weigh the same', () => {
    // mild: 3 and 5, harsh: 1 and 3, the better one alternating; each has the same spread about its own mean.
    const judgements = range(20).flatMap((i) => [
      judgement(human('mild'), i, i % 2 === 0 ? [3, 5] : [5, 3], best(i, i % 2 === 0 ? 1 : 0)),
      judgement(human('harsh'), i, i % 2 === 0 ? [1, 3] : [3, 1], best(i, i % 2 === 0 ? 1 : 0)),
    ]);
    const { pairs, sources } = merge(judgements);
    for (const { provenance } of pairs) {
      expect(provenance.preferences['human:harsh']).toBeCloseTo(provenance.preferences['human:mild'] ?? Number.NaN, 12);
    }
    expect(sources.map(({ mean }) => mean)).toEqual([2, 4]);
    expect(sources.map(({ weight }) => weight)).toEqual([1, 1]);
  });

  test('a rater who uses half the scale counts for nearly as much as one who uses all of it', () => {
    // wide: 1 and 5 (σ near 2.05), narrow: 3 and 4 (σ near 0.51): with 40 ratings each the prior of 10 still shows.
    const judgements = range(20).flatMap((i) => [
      judgement(human('wide'), i, [1, 5], best(i, 1)),
      judgement(human('narrow'), i, [3, 4], best(i, 1)),
    ]);
    const [pair] = merge(judgements).pairs;
    const { 'human:wide': wide = 0, 'human:narrow': narrow = 0 } = pair?.provenance.preferences ?? {};
    // Score differences are 4 to 1; standardised, without the 1 for the best, they are closer than 2.5 to 1.
    expect((wide - 1) / (narrow - 1)).toBeLessThan(2.5);
    expect((wide - 1) / (narrow - 1)).toBeGreaterThan(1);
  });
});

describe('reliability', () => {
  const items = 60;
  /** Two raters who agree but for a little noise, and one who throws dice. */
  const panel = () => {
    const random = randomFrom(7);
    return range(items).flatMap((i) => {
      const better = random.integer(2);
      const honest = better === 0 ? [5, 2] : [2, 5];
      const noisy = honest.map((point) => Math.min(5, Math.max(1, point + random.integer(3) - 1)));
      const dice = [1 + random.integer(5), 1 + random.integer(5)];
      const thrown = random.integer(2);
      return [
        judgement(human('one'), i, honest, best(i, better)),
        judgement(human('two'), i, noisy, best(i, better)),
        judgement(human('dice'), i, dice, best(i, thrown)),
      ];
    });
  };

  test('a random rater loses weight and the others do not', () => {
    const { sources } = merge(panel());
    const weightOf = (name: string) => sources.find(({ source }) => source === `human:${name}`)?.weight ?? Number.NaN;
    expect(weightOf('dice')).toBeLessThan(0.45);
    expect(weightOf('one')).toBeGreaterThan(0.85);
    expect(weightOf('two')).toBeGreaterThan(0.85);
  });

  test('a rater who says the opposite of everyone is down to the floor, not below', () => {
    const judgements = range(items).flatMap((i) => [
      judgement(human('a'), i, [5, 1], best(i, 0)),
      judgement(human('b'), i, [5, 1], best(i, 0)),
      judgement(human('contrary'), i, [1, 5], best(i, 1)),
    ]);
    const found = merge(judgements).sources.find(({ source }) => source === 'human:contrary');
    expect(found?.correlation).toBeCloseTo(-1, 6);
    expect(found?.weight).toBe(0.05);
  });

  test('does not depend on the order of judgements', () => {
    const forwards = merge(panel());
    const backwards = merge(panel().reverse());
    expect(backwards.sources.map(({ weight }) => weight.toFixed(9))).toEqual(
      forwards.sources.map(({ weight }) => weight.toFixed(9)),
    );
    expect(new Set(backwards.pairs.map(({ id }) => id))).toEqual(new Set(forwards.pairs.map(({ id }) => id)));
  });
});

describe('ties, skips and failures', () => {
  test('a tie stays as a pair at one half', () => {
    const { pairs } = merge([judgement(human('ann'), 0, [2, 2])]);
    expect(pairs).toMatchObject([{ softLabel: 0.5, margin: 0 }]);
    expect(pairs[0]?.provenance.preferences).toEqual({ 'human:ann': 0 });
  });

  test('an explicit tie pulls rated differences halfway to zero', () => {
    // σ = √2 as above for 4 and 2; half of 2 / √2 is √½.
    expect(merge([judgement(human('ann'), 0, [4, 2])]).pairs[0]?.margin).toBeCloseTo(Math.SQRT1_2, 12);
  });

  test('a tie against a best halves the preference', () => {
    const { pairs } = merge([
      judgement(human('a'), 0, [null, null], best(0, 0)),
      judgement(human('b'), 0, [null, null]),
    ]);
    // (1 + 0) / 2
    expect(pairs[0]?.margin).toBeCloseTo(0.5, 12);
  });

  test('minMargin leaves ties out where that is wanted', () => {
    expect(merge([judgement(human('ann'), 0, [2, 2])], { minMargin: 0.01 }).pairs).toEqual([]);
  });

  test('a missing or skipped judgement changes nothing, whatever it carries', () => {
    const verdicts = range(20).map((i) => judgement(human('ann'), i, [4, 2], best(i, 0)));
    const failed = range(20).map((i) => judgement(JUDGE, i, [1, 1], { kind: 'missing', reason: 'time-out' }));
    const skipped = range(20).map((i) => judgement(human('bob'), i, [1, 5], { kind: 'skip', reason: null }));
    const all = merge([...verdicts, ...failed, ...skipped]);
    expect(all.pairs).toEqual(merge(verdicts).pairs);
    expect(all.sources).toMatchObject([
      { source: 'human:ann', missing: 0 },
      { source: 'human:bob', skipped: 20, ratings: 0, mean: null },
      { source: 'judge:rule-based', missing: 20, ratings: 0, mean: null },
    ]);
  });

  test('a source without weight makes no pairs', () => {
    expect(merge([judgement(JUDGE, 0, [1, 5], best(0, 1))], { judgeWeight: 0 }).pairs).toEqual([]);
  });
});

describe('pairs', () => {
  test('are all pairs of an item, or the best separated', () => {
    const all = merge([judgement(human('ann'), 0, [1, 3, 5], best(0, 2))], {}, 1, 3).pairs;
    expect(all.map(({ chosenId, rejectedId }) => [chosenId, rejectedId])).toEqual([
      ['c-0-2', 'c-0-0'],
      ['c-0-2', 'c-0-1'],
      ['c-0-1', 'c-0-0'],
    ]);
    const one = merge([judgement(human('ann'), 0, [1, 3, 5], best(0, 2))], { pairsPerPrompt: 1 }, 1, 3).pairs;
    expect(one).toEqual(all.slice(0, 1));
  });

  test('never hold two identical texts', () => {
    const candidates = candidatesOf(1, 2).map((candidate) => ({ ...candidate, text: 'the same ' }));
    const { pairs } = mergeJudgements({
      judgements: [judgement(human('ann'), 0, [1, 5], best(0, 1))],
      candidates,
      prompts: [{ id: promptId(0), split: 'train' }],
      config: config(),
      seed: 1,
    });
    expect(pairs).toEqual([]);
  });

  test('of one prompt are all on one side of the split, and about the wanted share is held out', () => {
    const judgements = range(400).map((i) => judgement(human('ann'), i, [1, 3, 5], best(i, 2)));
    const { pairs } = merge(judgements, {}, 400, 3);
    const sides = new Map<string, Set<string>>();
    for (const { promptId: id, split } of pairs) sides.set(id, (sides.get(id) ?? new Set()).add(split));
    expect([...sides.values()].every((found) => found.size === 1)).toBe(true);
    // 400 × 0.15 = 60, standard deviation √(400 × 0.15 × 0.85) = 7.1: within four of them.
    const heldout = [...sides.values()].filter((found) => found.has('heldout')).length;
    expect(Math.abs(heldout - 60)).toBeLessThan(29);
  });

  test('of a held-out prompt are held out', () => {
    const { pairs } = mergeJudgements({
      judgements: [judgement(human('ann'), 0, [1, 5], best(0, 1))],
      candidates: candidatesOf(1, 2),
      prompts: [{ id: promptId(0), split: 'heldout' }],
      config: config({ heldoutFraction: 0 }),
      seed: 1,
    });
    expect(pairs).toMatchObject([{ split: 'heldout' }]);
  });

  test('name every judgement, source and model that made them', () => {
    const judgements = [
      judgement(human('ann'), 0, [1, 5], best(0, 1)),
      judgement(JUDGE, 0, [2, 4], best(0, 1)),
      judgement(human('bob'), 0, [2, 4], { kind: 'skip', reason: null }),
    ];
    const [pair] = merge(judgements).pairs;
    expect(new Set(pair?.provenance.judgementIds)).toEqual(new Set(judgements.slice(0, 2).map(({ id }) => id)));
    expect(Object.keys(pair?.provenance.preferences ?? {})).toEqual(['human:ann', 'judge:rule-based']);
    expect(pair?.provenance.models).toEqual({ chosen: 'model-1', rejected: 'model-0' });
  });
});

describe('the report of a merge', () => {
  test('gives the agreement of humans and of the judge with them', () => {
    const judgements = range(10).flatMap((i) => [
      judgement(human('a'), i, i % 2 === 0 ? [5, 1] : [1, 5], best(i, i % 2)),
      judgement(human('b'), i, i % 2 === 0 ? [5, 1] : [1, 5], best(i, i % 2)),
      // The judge is right on the first five items and the other way round on the rest.
      judgement(JUDGE, i, (i % 2 === 0) === i < 5 ? [5, 1] : [1, 5], best(i, i < 5 ? i % 2 : 1 - (i % 2))),
    ]);
    const report = reportMerge(merge(judgements, {}, 10), judgements);
    expect(report.agreement.humanAlpha).toEqual({ instructionFollowing: 1, fluency: 1, safety: 1 });
    expect(report.agreement.humanPreferenceAlpha).toBe(1);
    expect(report.agreement.judges).toMatchObject([{ source: 'judge:rule-based', pairs: 10, sameDirection: 0.5 }]);
    expect(report).toMatchObject({ pairs: 10, prompts: 10 });
    expect(report.trainPairs + report.heldoutPairs).toBe(10);
  });

  test('calls a simulated rater simulated', () => {
    const source = { kind: 'human', annotatorId: 'sim', simulated: true } as Judgement['source'];
    const judgements = [judgement(source, 0, [1, 5], best(0, 1))];
    expect(reportMerge(merge(judgements), judgements).sources).toMatchObject([{ kind: 'simulated' }]);
  });
});
