import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactId } from '../core/ids.ts';
import { CandidateId, ItemId, PromptId } from '../core/ids.ts';
import { readJsonl, toJsonl } from '../core/jsonl.ts';
import { type Candidate, type Judgement, Pair, Prompt } from '../core/records.ts';
import { openWorkspace, type Workspace } from '../store/workspace.ts';
import { buildPairs } from './pairs.ts';
import { PairsConfig } from './pairsConfig.ts';

const ITEMS = 30;
let workspace: Workspace;

beforeEach(async () => {
  workspace = await openWorkspace(await mkdtemp(join(tmpdir(), 'fourfold-pairs-')));
});
afterEach(() => rm(workspace.dir, { recursive: true, force: true }));

async function addCandidateSet(): Promise<ArtifactId> {
  const prompts = Array.from({ length: ITEMS }, (_, i) =>
    Prompt.parse({ id: `p-${i}`, messages: [{ role: 'user', content: `Question ${i}?` }] }),
  );
  const candidates = prompts.flatMap(({ id }, i): Candidate[] =>
    ['base-1', 'sft-1'].map((model, c) => ({
      id: CandidateId.parse(`c-${i}-${c}`),
      promptId: id,
      model,
      sampleIndex: 0,
      seed: 1,
      sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 8 },
      text: `Answer ${c} to question ${i}.`,
      finishReason: 'stop',
    })),
  );
  const draft = {
    kind: 'candidate-set' as const,
    parents: [],
    seed: 1,
    config: {},
    engine: null,
    round: 2,
    runId: null,
    metrics: {},
    versions: ['base-1', 'sft-1'],
  };
  const made = await workspace.artifacts.create<'candidate-set'>(draft, async (dir) => {
    const items = prompts.map(({ id }, i) => ({
      id: `item-${i}`,
      candidateSetId: 'candidate-set-1',
      promptId: id,
      candidateIds: [`c-${i}-0`, `c-${i}-1`],
    }));
    await writeFile(join(dir, 'prompts.jsonl'), toJsonl(prompts));
    await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
    await writeFile(join(dir, 'items.jsonl'), toJsonl(items));
  });
  return made.id;
}

function judgement(set: ArtifactId, source: Judgement['source'], i: number, better: number): Judgement {
  const name = source.kind === 'human' ? source.annotatorId : source.judge;
  const scores = (point: number) => ({ instructionFollowing: point, fluency: point, safety: 5 });
  return {
    id: `j-${name}-${i}-${better}`,
    candidateSetId: set,
    itemId: ItemId.parse(`item-${i}`),
    promptId: PromptId.parse(`p-${i}`),
    source,
    presented: [CandidateId.parse(`c-${i}-0`), CandidateId.parse(`c-${i}-1`)],
    ratings: { [`c-${i}-${better}`]: scores(5), [`c-${i}-${1 - better}`]: scores(2) },
    comparison: { kind: 'best', candidateId: CandidateId.parse(`c-${i}-${better}`) },
    durationMs: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

const SIM = { kind: 'human', annotatorId: 'sim-1', simulated: true } as Judgement['source'];
const ANN = { kind: 'human', annotatorId: 'ann', simulated: false } as Judgement['source'];
const RULES: Judgement['source'] = { kind: 'judge', judge: 'rule-based', promptHash: 'h1' };
const build = (given: Record<string, unknown> = {}) => buildPairs({ workspace, config: PairsConfig.parse(given) });
const indices = Array.from({ length: ITEMS }, (_, i) => i);

test('writes the pairs, what they were made from, and a card that names every source', async () => {
  const set = await addCandidateSet();
  const log = workspace.judgements(set);
  await log.append(indices.map((i) => judgement(set, SIM, i, 1)));
  await log.append(indices.map((i) => judgement(set, ANN, i, 1)));
  await log.append(indices.map((i) => judgement(set, RULES, i, 1)));
  const { artifact, report } = await build();
  const dir = workspace.artifacts.dir(artifact);
  const pairs = await readJsonl(join(dir, 'pairs.jsonl'), Pair);
  expect(pairs).toHaveLength(ITEMS);
  expect(pairs.every((pair) => pair.provenance.models.chosen === 'sft-1' && pair.softLabel > 0.5)).toBe(true);
  expect(Object.keys(artifact.files)).toEqual(['judgements.jsonl', 'merge.json', 'pairs.jsonl']);
  expect(JSON.parse(await readFile(join(dir, 'merge.json'), 'utf8'))).toEqual(report);
  expect(artifact).toMatchObject({ parents: [set], round: 2, metrics: { pairs: ITEMS, prompts: ITEMS } });
  expect(artifact.config).toMatchObject({ candidateSet: set, judgeWeight: 0.5 });
  expect(artifact.sources).toEqual([
    { source: 'human:ann', kind: 'human', judgements: ITEMS, promptHash: null },
    { source: 'human:sim-1', kind: 'simulated', judgements: ITEMS, promptHash: null },
    { source: 'judge:rule-based', kind: 'judge', judgements: ITEMS, promptHash: 'h1' },
  ]);
  // Every judgement that a pair names is in the artefact.
  const lines = (await readFile(join(dir, 'judgements.jsonl'), 'utf8')).trim().split('\n');
  const kept = new Set(lines.map((line) => JSON.parse(line).id));
  expect(pairs.flatMap((pair) => pair.provenance.judgementIds).every((id) => kept.has(id))).toBe(true);
});

test('a change of mind replaces what was said before', async () => {
  const set = await addCandidateSet();
  const log = workspace.judgements(set);
  await log.append([judgement(set, ANN, 0, 0)]);
  await log.append([judgement(set, ANN, 0, 1)]);
  const { artifact } = await build();
  const pairs = await readJsonl(join(workspace.artifacts.dir(artifact), 'pairs.jsonl'), Pair);
  expect(pairs).toMatchObject([{ chosenId: 'c-0-1', provenance: { judgementIds: ['j-ann-0-1'] } }]);
});

test('merges the named sources only', async () => {
  const set = await addCandidateSet();
  await workspace.judgements(set).append([judgement(set, ANN, 0, 0), judgement(set, RULES, 1, 1)]);
  const { artifact } = await build({ sources: ['judge:rule-based'] });
  expect(artifact.sources.map(({ source }) => source)).toEqual(['judge:rule-based']);
  await expect(build({ sources: ['human:bob'] })).rejects.toThrow(/human:bob.*Known: human:ann, judge:rule-based/);
});

test('says what to run where there is nothing to merge', async () => {
  await expect(build()).rejects.toThrow(/fourfold candidates/);
  const set = await addCandidateSet();
  await expect(build()).rejects.toThrow(/got none\. Label it with: fourfold serve, or judge it with: fourfold judge/);
  const failed: Judgement = {
    ...judgement(set, RULES, 0, 0),
    ratings: {},
    comparison: { kind: 'missing', reason: 'time-out' },
  };
  await workspace.judgements(set).append([failed]);
  await expect(build()).rejects.toThrow(/all of them skipped or missing/);
  await workspace.judgements(set).append([judgement(set, ANN, 1, 1)]);
  await expect(build({ minMargin: 50 })).rejects.toThrow(/--min-margin/);
  expect(workspace.artifacts.latest('pair-set')).toBeNull();
});

test('refuses a judgement of an item that the set does not hold', async () => {
  const set = await addCandidateSet();
  const stray = { ...judgement(set, ANN, 0, 0), itemId: ItemId.parse('item-999') };
  await workspace.judgements(set).append([stray]);
  await expect(build()).rejects.toThrow(/item-999/);
});
