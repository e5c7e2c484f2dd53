import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactId } from '../core/ids.ts';
import { CandidateId } from '../core/ids.ts';
import { toJsonl } from '../core/jsonl.ts';
import { type Candidate, itemsOf, Prompt } from '../core/records.ts';
import { openWorkspace, type Workspace } from '../store/workspace.ts';
import type { Judge, Verdict } from './judge.ts';
import { judgeCandidates } from './judgeCandidates.ts';
import { ruleJudge } from './ruleJudge.ts';

const ITEMS = 12;
let workspace: Workspace;
let set: ArtifactId;

beforeEach(async () => {
  workspace = await openWorkspace(await mkdtemp(join(tmpdir(), 'fourfold-judge-')));
  const prompts = Array.from({ length: ITEMS }, (_, i) =>
    Prompt.parse({ id: `p-${i}`, messages: [{ role: 'user', content: 'Why does ice melt on the table?' }] }),
  );
  const texts = ['Ice melts on the table because the warm air of the room gives it heat.', 'table table table table'];
  const candidates = prompts.flatMap(({ id }, i) =>
    texts.map(
      (text, c): Candidate => ({
        id: CandidateId.parse(`c-${i}-${c}`),
        promptId: id,
        model: `m-${c}`,
        sampleIndex: 0,
        seed: 1,
        sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 8 },
        text,
        finishReason: 'stop',
      }),
    ),
  );
  const card = {
    parents: [],
    seed: 1,
    config: {},
    engine: null,
    round: 1,
    runId: null,
    metrics: {},
    versions: ['m-0'],
  };
  const made = await workspace.artifacts.create<'candidate-set'>({ ...card, kind: 'candidate-set' }, async (dir) => {
    await writeFile(join(dir, 'prompts.jsonl'), toJsonl(prompts));
    await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
  });
  set = made.id;
  expect(itemsOf(set, candidates)).toHaveLength(ITEMS);
});
afterEach(() => rm(workspace.dir, { recursive: true, force: true }));

const run = (judge: Judge, options: { limit?: number; signal?: AbortSignal; concurrency?: number } = {}) =>
  judgeCandidates({ workspace, candidateSetId: 'latest', judge, ...options });

/** A judge whose verdict on the n-th request is `verdictOf(n)`. */
function scripted(verdictOf: (count: number) => Verdict | Promise<Verdict>, promptHash = 'h'): Judge {
  let count = 0;
  return { name: 'openai:test', promptHash, judge: async () => verdictOf(count++) };
}
const tie = (positionConsistent: boolean | null): Verdict => ({
  ratings: {},
  comparison: { kind: 'tie' },
  details: { positionConsistent, requests: 2 },
});
const failure: Verdict = {
  ratings: {},
  comparison: { kind: 'missing', reason: 'time-out' },
  details: { positionConsistent: null, requests: 1 },
};

test('records a judgement of each item, once', async () => {
  const first = await run(ruleJudge());
  expect(first).toMatchObject({ candidateSetId: set, judge: 'rule-based', items: ITEMS, judged: ITEMS, failures: 0 });
  const records = await workspace.judgements(set).read();
  expect(records).toHaveLength(ITEMS);
  expect(records.every(({ comparison }) => comparison.kind === 'best' && comparison.candidateId.endsWith('-0'))).toBe(
    true,
  );
  expect(records[0]?.source).toMatchObject({ kind: 'judge', judge: 'rule-based', promptHash: expect.any(String) });
  // Both orders occur: neither version always comes first.
  expect(new Set(records.map(({ presented }) => presented[0]?.slice(-1)))).toEqual(new Set(['0', '1']));
  expect(await run(ruleJudge())).toMatchObject({ judged: 0, alreadyJudged: ITEMS, failureRate: null });
  expect(await workspace.judgements(set).read()).toHaveLength(ITEMS);
});

test('a limit is a beginning that a later run completes', async () => {
  expect(await run(ruleJudge(), { limit: 5 })).toMatchObject({ judged: 5 });
  expect(await run(ruleJudge())).toMatchObject({ alreadyJudged: 5, judged: ITEMS - 5 });
  const items = (await workspace.judgements(set).read()).map(({ itemId }) => itemId);
  expect(new Set(items).size).toBe(ITEMS);
});

test('failures are recorded as missing, reported, and tried again by the next run', async () => {
  const result = await run(scripted((n) => (n < 3 ? failure : tie(n % 2 === 0))));
  expect(result).toMatchObject({ judged: 9, failures: 3, failureRate: 0.25, failureReasons: { 'time-out': 3 } });
  // Of the nine, n = 3 to 11, those of even n were consistent: 4, 6, 8, 10.
  expect(result.positionConsistency).toBeCloseTo(4 / 9, 12);
  const missing = (await workspace.judgements(set).read()).filter(({ comparison }) => comparison.kind === 'missing');
  expect(missing.map(({ ratings }) => ratings)).toEqual([{}, {}, {}]);
  expect(await run(scripted(() => tie(null)))).toMatchObject({
    alreadyJudged: 9,
    judged: 3,
    positionConsistency: null,
  });
});

test('another prompt is another judge', async () => {
  await run(scripted(() => tie(null), 'h1'));
  expect(await run(scripted(() => tie(null), 'h2'))).toMatchObject({ judged: ITEMS, alreadyJudged: 0 });
});

test('what was finished before an interruption is kept', async () => {
  const stop = new AbortController();
  const judge = scripted((n) => {
    if (n === 4) stop.abort();
    return tie(null);
  });
  await expect(run(judge, { signal: stop.signal, concurrency: 1 })).rejects.toMatchObject({ code: 'interrupted' });
  expect(await workspace.judgements(set).read()).toHaveLength(5);
  expect(await run(scripted(() => tie(null)))).toMatchObject({ alreadyJudged: 5, judged: ITEMS - 5 });
});

test('a judge that cannot judge at all ends the run with its error', async () => {
  let asked = 0;
  const judge = scripted(() => {
    asked++;
    throw new Error('the key was refused');
  });
  await expect(run(judge, { concurrency: 2 })).rejects.toThrow('the key was refused');
  expect(asked).toBeLessThanOrEqual(2);
  expect(await workspace.judgements(set).read()).toEqual([]);
});

test('says what to run without candidates', async () => {
  const empty = await openWorkspace(join(workspace.dir, 'empty'));
  await expect(judgeCandidates({ workspace: empty, candidateSetId: 'latest', judge: ruleJudge() })).rejects.toThrow(
    /fourfold candidates/,
  );
});
