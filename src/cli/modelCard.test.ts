import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Evaluation } from '../evaluate/evaluation.ts';
import { openWorkspace, type Workspace } from '../store/workspace.ts';
import { modelCard } from './modelCard.ts';

const COMMIT = 'c'.repeat(40);
const ENDPOINT = 'https://huggingface.co';
const interval = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });
const REPLIES = { replies: 4, words: 3, tokens: 5, stopShare: 1, repetition: 0, distinct2: 1 };

let dir: string;
let workspace: Workspace;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-card-'));
  workspace = await openWorkspace(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const common = { seed: 1, engine: 'wasm', round: 1, runId: null, metrics: {} };
const write = (name: string, text: string) => (folder: string) => writeFile(join(folder, name), text);

/** A model of the hub, prompts, pairs with simulated raters, a policy and its evaluation. */
async function history() {
  const { artifacts } = workspace;
  const hub = { repository: 'owner/tiny', revision: 'main', commit: COMMIT, endpoint: ENDPOINT, license: 'apache-2.0' };
  const base = await artifacts.create<'model'>(
    { ...common, kind: 'model', role: 'imported', parents: [], config: { hub } },
    write('model.safetensors', 'x'),
  );
  const prompts = await artifacts.create<'prompt-set'>(
    { ...common, kind: 'prompt-set', parents: [], config: { file: 'p.jsonl' }, metrics: { prompts: 12, heldOut: 2 } },
    write('prompts.jsonl', 'prompts'),
  );
  const pairs = await artifacts.create<'pair-set'>(
    {
      ...common,
      kind: 'pair-set',
      parents: [prompts.id],
      config: {},
      sources: [{ source: 'ada', kind: 'simulated', judgements: 7, promptHash: null }],
    },
    write('pairs.jsonl', 'pairs'),
  );
  const reward = await artifacts.create<'reward-model'>(
    {
      ...common,
      kind: 'reward-model',
      parents: [base.id, pairs.id],
      config: { model: base.id },
      metrics: { accuracy: 0.75, accuracyLow: 0.7, accuracyHigh: 0.8, lengthBaseline: 0.6 },
    },
    write('model.safetensors', 'r'),
  );
  const policy = await artifacts.create<'model'>(
    {
      ...common,
      kind: 'model',
      role: 'policy',
      parents: [base.id, reward.id, prompts.id],
      config: { rewardModel: reward.id, prompts: '/home/someone/secret/place/p.jsonl', learningRate: 0.001 },
    },
    write('model.safetensors', 'p'),
  );
  const evaluation: Evaluation = {
    model: policy.id,
    reference: base.id,
    rewardModel: null,
    prompts: 60,
    samplesPerPrompt: 4,
    reward: null,
    rewardGain: null,
    winRate: { 'rule-based judge': interval(0.6) },
    kl: interval(7.5),
    replies: REPLIES,
    referenceReplies: null,
    radar: null,
    perDimension: [],
    createdAt: '2026-01-01T00:00:00.000Z',
    settings: {},
  };
  await artifacts.create<'evaluation'>(
    { ...common, kind: 'evaluation', parents: [policy.id], config: { model: policy.id } },
    write('evaluation.json', JSON.stringify(evaluation)),
  );
  return { base, prompts, pairs, reward, policy };
}

test('the front matter names base, licence and task', async () => {
  const { policy, reward, base } = await history();
  const front = async (artifact: typeof policy | typeof reward, isAdapter = false) =>
    (await modelCard(workspace.artifacts, artifact, isAdapter)).split('---')[1]?.trim().split('\n');
  expect(await front(policy)).toEqual([
    'library_name: transformers',
    'pipeline_tag: text-generation',
    'base_model:',
    '- owner/tiny',
    'base_model_relation: finetune',
    'license: apache-2.0',
    'tags:',
    '- fourfold',
    '- rlhf',
    '- policy',
  ]);
  expect(await front(reward)).toContain('pipeline_tag: text-classification');
  expect(await front(policy, true)).toEqual(
    expect.arrayContaining(['library_name: peft', 'base_model_relation: adapter']),
  );
  expect((await front(base))?.join()).not.toContain('relation');
});

test('lineage, data with hashes, figures with intervals, configuration and limits', async () => {
  const { policy, prompts, pairs } = await history();
  const card = await modelCard(workspace.artifacts, policy, false);
  expect(card).toContain(`hub: owner/tiny@main, commit ${COMMIT}, ${ENDPOINT}`);
  expect(card).toContain(
    `| prompt-set-1 | prompt-set | prompts 12, heldOut 2 | \`${prompts.files['prompts.jsonl']}\` |`,
  );
  expect(card).toContain(
    `| pair-set-1 | pair-set | ada (simulated, 7 judgements) | \`${pairs.files['pairs.jsonl']}\` |`,
  );
  expect(card).toContain('win rate, told by rule-based judge | 0.600 (0.500 to 0.700) |');
  expect(card).toContain('KL from the reference (nats a reply) | 7.500 (7.400 to 7.600) |');
  expect(card).toContain('60 prompts, 4 replies each, against imported-1');
  expect(card).toContain('"learningRate": 0.001');
  expect(card).toContain('simulated raters');
});

test('folders of whoever trained stay out of it', async () => {
  const { policy } = await history();
  const card = await modelCard(workspace.artifacts, policy, false);
  expect(card).toContain('"prompts": "p.jsonl"');
  expect(card).not.toMatch(/someone|secret|place/);
  expect(card).not.toContain(dir);
});

test('a reward model without an evaluation shows its accuracy; a model without either says so', async () => {
  const { reward, base } = await history();
  expect(await modelCard(workspace.artifacts, reward, false)).toContain(
    'Accuracy on held-out pairs 0.750 (0.700 to 0.800); length alone 0.600.',
  );
  expect(await modelCard(workspace.artifacts, base, false)).toContain('It was not evaluated in this workspace.');
});
