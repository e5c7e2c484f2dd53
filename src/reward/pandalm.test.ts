// Real judgements of three people and two language models on 500 pairs of replies (PandaLM's test set, every second
// pair), kept outside the repository: skipped where it is not there.
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { ArtifactId, CandidateId, ItemId, PromptId } from '../core/ids.ts';
import { packagePath } from '../core/packageRoot.ts';
import type { Candidate, Judgement, Outcome } from '../core/records.ts';
import { cohenKappa } from '../stats/agreement.ts';
import { mergeJudgements } from './merge.ts';
import { reportMerge } from './mergeReport.ts';
import { MergeConfig } from './pairsConfig.ts';

const FOLDER = packagePath('..', 'shared', 'fixtures', 'pandalm-even');
const isPresent = existsSync(FOLDER);
const describeWithFixture = isPresent ? describe : describe.skip;
const title = isPresent
  ? 'PandaLM test set'
  : 'PandaLM test set: skipped, ../shared/fixtures/pandalm-even is not there';

const Row = z.looseObject({
  idx: z.int(),
  response1: z.coerce.string(),
  response2: z.coerce.string(),
  annotator1: z.int(),
  annotator2: z.int(),
  annotator3: z.int(),
});
const JudgeRow = z.looseObject({
  idx: z.int(),
  gpt_result: z.unknown().optional(),
  pandalm_result: z.unknown().optional(),
});
const read = <S extends z.ZodType>(name: string, schema: S): z.output<S>[] =>
  z
    .array(schema)
    .parse(JSON.parse(readFileSync(packagePath('..', 'shared', 'fixtures', 'pandalm-even', name), 'utf8')));

const SET = ArtifactId.parse('candidate-set-1');
const idOf = (idx: number, c: number) => CandidateId.parse(`c-${idx}-${c}`);

function judgement(source: Judgement['source'], idx: number, verdict: unknown): Judgement {
  const outcome: Record<string, Outcome> = {
    0: { kind: 'tie' },
    Tie: { kind: 'tie' },
    1: { kind: 'best', candidateId: idOf(idx, 1) },
    2: { kind: 'best', candidateId: idOf(idx, 2) },
  };
  return {
    id: `j-${source.kind === 'human' ? source.annotatorId : source.judge}-${idx}`,
    candidateSetId: SET,
    itemId: ItemId.parse(`item-${idx}`),
    promptId: PromptId.parse(`p-${idx}`),
    source,
    presented: [idOf(idx, 1), idOf(idx, 2)],
    ratings: {},
    comparison: outcome[String(verdict)] ?? { kind: 'missing', reason: String(verdict) },
    durationMs: null,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

function load() {
  const rows = read('pairs.json', Row);
  const candidates = rows.flatMap((row) =>
    [row.response1, row.response2].map(
      (text, c): Candidate => ({
        id: idOf(row.idx, c + 1),
        promptId: PromptId.parse(`p-${row.idx}`),
        model: 'unknown',
        sampleIndex: 0,
        seed: 0,
        sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 1 },
        text,
        finishReason: 'stop',
      }),
    ),
  );
  const people = rows.flatMap((row) =>
    ([1, 2, 3] as const).map((n) =>
      judgement(
        { kind: 'human', annotatorId: `a${n}`, simulated: false } as Judgement['source'],
        row.idx,
        row[`annotator${n}`],
      ),
    ),
  );
  const gpt = read('judge-gpt-3.5-turbo.json', JudgeRow).map(({ idx, gpt_result }) =>
    judgement({ kind: 'judge', judge: 'gpt-3.5-turbo', promptHash: 'x' }, idx, gpt_result),
  );
  const panda = read('judge-pandalm-7b.json', JudgeRow).map(({ idx, pandalm_result }) =>
    judgement({ kind: 'judge', judge: 'pandalm-7b', promptHash: 'x' }, idx, pandalm_result),
  );
  const judgements = [...people, ...gpt, ...panda];
  const prompts = rows.map(({ idx }) => ({ id: PromptId.parse(`p-${idx}`), split: 'train' as const }));
  const config = MergeConfig.parse({});
  return { rows, judgements, merged: mergeJudgements({ judgements, candidates, prompts, config, seed: 1 }) };
}

describeWithFixture(title, () => {
  test('the people agree as published', () => {
    const { rows } = load();
    const kappa = (x: 'annotator1' | 'annotator2', y: 'annotator2' | 'annotator3') =>
      cohenKappa(
        rows.map((row) => row[x]),
        rows.map((row) => row[y]),
      );
    expect(kappa('annotator1', 'annotator2')).toBeCloseTo(0.8391, 4);
    expect(kappa('annotator1', 'annotator3')).toBeCloseTo(0.8657, 4);
    expect(kappa('annotator2', 'annotator3')).toBeCloseTo(0.864, 4);
  });

  test('the merge follows two people who name the same reply, and trusts people above judges', () => {
    const { rows, merged } = load();
    const { pairs, sources } = merged;
    const chosenOf = new Map(pairs.map((pair) => [pair.promptId as string, pair]));
    let checked = 0;
    for (const row of rows) {
      const votes = [row.annotator1, row.annotator2, row.annotator3];
      const named = [1, 2].find((n) => votes.filter((vote) => vote === n).length >= 2);
      const pair = chosenOf.get(`p-${row.idx}`);
      if (named === undefined || pair === undefined) continue;
      checked++;
      expect(pair.chosenId).toBe(idOf(row.idx, named));
    }
    expect(checked).toBeGreaterThan(350);
    const reliability = (kind: string) => sources.filter((source) => source.kind === kind).map((s) => s.reliability);
    expect(Math.min(...reliability('human'))).toBeGreaterThan(Math.max(...reliability('judge')));
  });

  test('a garbled verdict is missing, and in no pair', () => {
    const { judgements, merged } = load();
    const report = reportMerge(merged, judgements);
    // 11 of the 500 verdicts of one judge are the word "garbage".
    expect(report.sources.map(({ source, missing }) => [source, missing])).toEqual([
      ['human:a1', 0],
      ['human:a2', 0],
      ['human:a3', 0],
      ['judge:gpt-3.5-turbo', 11],
      ['judge:pandalm-7b', 0],
    ]);
    const lost = new Set(judgements.filter(({ comparison }) => comparison.kind === 'missing').map(({ id }) => id));
    expect(merged.pairs.some((pair) => pair.provenance.judgementIds.some((id) => lost.has(id)))).toBe(false);
  });
});
