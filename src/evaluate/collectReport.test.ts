import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactId } from '../core/ids.ts';
import { openWorkspace, type Workspace } from '../store/workspace.ts';
import { collectReport } from './collectReport.ts';
import type { Evaluation } from './evaluation.ts';

const common = { seed: 7, engine: 'cpu', round: 1, metrics: {} };

const evaluation: Evaluation = {
  model: 'policy-1',
  reference: 'sft-1',
  rewardModel: 'reward-model-1',
  prompts: 60,
  samplesPerPrompt: 1,
  reward: { value: 1, low: 0.9, high: 1.1 },
  rewardGain: null,
  winRate: { 'rule-based judge': { value: 0.7, low: 0.6, high: 0.8 } },
  kl: { value: 5, low: 4, high: 6 },
  replies: { replies: 60, words: 20, tokens: 30, stopShare: 1, repetition: 0, distinct2: 0.7 },
  referenceReplies: { replies: 60, words: 15, tokens: 22, stopShare: 0.9, repetition: 0.1, distinct2: 0.6 },
  radar: {
    judge: 'rule-based judge',
    dimensions: Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { value: 0.6, low: 0.5, high: 0.7 }])),
  },
  perDimension: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  settings: {},
};

/** An SFT model and a policy with their runs, and an evaluation of the policy. */
async function fill(workspace: Workspace): Promise<void> {
  const model = async (
    role: 'sft' | 'policy',
    command: string,
    lines: Array<{ step: number }>,
    parents: ArtifactId[],
  ) => {
    const run = await workspace.runs.create(command, {});
    await run.metrics.append(lines);
    return workspace.artifacts.create(
      { ...common, kind: 'model', role, parents, config: { klTarget: 6 }, runId: run.id },
      (dir) => writeFile(join(dir, 'config.json'), '{}'),
    );
  };
  const sft = await model('sft', 'sft', [{ step: 1, loss: 2 } as { step: number }], []);
  const policy = await model('policy', 'ppo', [{ step: 1, reward: 0.2, kl: 1 } as { step: number }], [sft.id]);
  await workspace.artifacts.create(
    { ...common, kind: 'evaluation', parents: [policy.id], config: {}, runId: null },
    (dir) => writeFile(join(dir, 'evaluation.json'), JSON.stringify(evaluation)),
  );
}

describe('collectReport', () => {
  test('gathers curves, lineage and evaluations of a model', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fourfold-collect-'));
    try {
      const workspace = await openWorkspace(dir);
      await fill(workspace);
      const data = await collectReport(workspace, 'policy-1');
      expect(data.training?.sft?.train).toEqual([[1, 2]]);
      expect(data.training?.ppo).toEqual({ klTarget: 6, iterations: [{ step: 1, reward: 0.2, kl: 1 }] });
      expect(data.lineage?.nodes.map(({ id }) => id)).toEqual(['policy-1', 'sft-1']);
      expect(data.winRates).toEqual([
        {
          a: 'policy-1',
          b: 'sft-1',
          judges: [{ judge: 'rule-based judge', winRate: evaluation.winRate['rule-based judge'], prompts: 60 }],
        },
      ]);
      expect(data.radar?.models.map(({ name, role }) => [name, role])).toEqual([['policy-1', 'policy']]);
      expect(data.replies?.map(({ name, role, words, klReference }) => [name, role, words, klReference])).toEqual([
        ['sft-1', 'sft', 15, undefined],
        ['policy-1', 'policy', 20, 'sft-1'],
      ]);
      expect(data.history).toHaveLength(1);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
