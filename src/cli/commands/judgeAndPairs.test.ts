import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toJsonl } from '../../core/jsonl.ts';
import { openWorkspace } from '../../store/workspace.ts';
import type { TableEntry } from '../commandTable.ts';
import { type Harness, makeHarness } from '../testing/harness.ts';

const table: TableEntry[] = [
  { name: 'judge', describe: '', load: () => import('./judge.ts') },
  { name: 'pairs', describe: '', load: () => import('./pairs.ts') },
];

let harness: Harness;
beforeEach(async () => {
  harness = await makeHarness();
});
afterEach(() => harness.remove());
const run = (...argv: string[]) => harness.run([...argv, '--workspace', 'ws'], { table });

async function addCandidateSet() {
  const workspace = await openWorkspace(join(harness.cwd, 'ws'));
  const texts = ['Ice melts on the warm table because the air gives it heat.', 'ice ice ice ice', 'No.'];
  const prompts = ['p-1', 'p-2'].map((id) => ({
    id,
    dimension: null,
    split: 'train',
    messages: [{ role: 'user', content: 'Why does ice melt on the table?' }],
    demonstration: null,
  }));
  const sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 20 };
  const candidates = prompts.flatMap(({ id }) =>
    texts.map((text, c) => ({
      id: `${id}-c-${c}`,
      promptId: id,
      model: `m-${c}`,
      sampleIndex: 0,
      seed: 1,
      sampling,
      text,
      finishReason: 'stop',
    })),
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
  await workspace.artifacts.create<'candidate-set'>({ ...card, kind: 'candidate-set' }, async (dir) => {
    await writeFile(join(dir, 'prompts.jsonl'), toJsonl(prompts));
    await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
  });
}

test('judge and then pairs, for scripts', async () => {
  await addCandidateSet();
  const judged = await run('judge', '--json');
  expect(judged.status).toBe(0);
  expect(JSON.parse(judged.stdout)).toMatchObject({ judge: 'rule-based', items: 2, judged: 2, failures: 0 });
  const made = await run('pairs', '--json', '--heldout-fraction', '0');
  expect(made.status).toBe(0);
  // Three pairs of each of the two prompts.
  expect(JSON.parse(made.stdout)).toMatchObject({ id: 'pair-set-1', pairs: 6, trainPairs: 6, heldoutPairs: 0 });
});

test('judge and then pairs, for people', async () => {
  await addCandidateSet();
  expect((await run('judge')).stdout).toMatch(/judge +rule-based .*\n.*candidate-set-1, 2 items/);
  const { stdout, stderr } = await run('pairs');
  expect(stdout).toMatch(/pair-set-1: 6 pairs of 2 prompts/);
  expect(stdout).toMatch(/judge:rule-based +judge +2 +0 +0 .* 1\.000 +0\.500/);
  expect(stderr).toMatch(/fourfold reward/);
});

test('what is missing is said, and how to get it', async () => {
  expect(await run('judge')).toMatchObject({ status: 2, stderr: expect.stringContaining('fourfold candidates') });
  await addCandidateSet();
  expect(await run('pairs')).toMatchObject({ status: 2, stderr: expect.stringContaining('fourfold judge') });
  expect(await run('judge', '--judge', 'openai', '--model', 'm')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('OPENAI_API_KEY'),
  });
});
