import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArtifactId, PromptId } from '../core/ids.ts';
import { Prompt } from '../core/records.ts';
import { openWorkspace } from '../store/workspace.ts';
import type { EvaluatedReply } from './evaluatedReply.ts';
import { Evaluation, evaluationHistory, evaluationMetrics } from './evaluation.ts';
import { renderEvaluation } from './renderEvaluation.ts';
import { type SummariseOptions, summariseEvaluation } from './summariseEvaluation.ts';

const prompts = ['a', 'b'].map((id, i) =>
  Prompt.parse({ id, dimension: ['reasoning', 'creation'][i], messages: [{ role: 'user', content: id }] }),
);
const reply = (id: string, text: string, reward: number, klToReference: number): EvaluatedReply => ({
  promptId: PromptId.parse(id),
  text,
  tokens: text.length,
  finishReason: 'stop',
  reward,
  klToReference,
});
const lengthJudge = { name: 'length', utility: (_: Prompt, { text }: EvaluatedReply) => text.length / 10 };

const options: SummariseOptions = {
  model: 'policy-1',
  reference: 'sft-1',
  rewardModel: 'reward-model-1',
  prompts,
  replies: [reply('a', 'abcd', 3, 1), reply('a', 'ab', 1, 3), reply('b', 'abc', 5, 2), reply('b', 'abc', 5, 2)],
  referenceReplies: [reply('a', 'a', 1, 0), reply('b', 'abcde', 2, 0)],
  judges: [lengthJudge],
  radarJudge: lengthJudge,
  seed: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  settings: { samples: 2 },
};

describe('summariseEvaluation', () => {
  const evaluation = summariseEvaluation(options);

  test('gives a valid evaluation with the means of what was measured', () => {
    expect(Evaluation.parse(JSON.parse(JSON.stringify(evaluation)))).toEqual(evaluation);
    expect(evaluation.reward?.value).toBe(3.5);
    // Prompt a: mean 2 against 1; prompt b: 5 against 2. Mean gain (1 + 3) / 2.
    expect(evaluation.rewardGain).toEqual({ value: 2, low: 1, high: 3 });
    expect(evaluation.kl?.value).toBe(2);
    expect(evaluation.samplesPerPrompt).toBe(2);
  });

  test('gives the win rate by each judge and by the reward model', () => {
    // Length: both samples of a win, both of b lose. Reward: a has a win and a tie, b two wins.
    expect(evaluation.winRate.length?.value).toBe(0.5);
    expect(evaluation.winRate['reward model']?.value).toBe(0.875);
    expect(evaluation.perDimension).toEqual([
      { dimension: 'reasoning', prompts: 1, reward: 2, winRate: { length: 1, 'reward model': 0.75 } },
      { dimension: 'creation', prompts: 1, reward: 5, winRate: { length: 0, 'reward model': 1 } },
    ]);
    // (0.4 + 0.2) / 2 and 0.3.
    expect(evaluation.radar?.dimensions.reasoning?.value).toBeCloseTo(0.3, 12);
    expect(evaluation.radar?.dimensions.creation?.value).toBeCloseTo(0.3, 12);
  });

  test('says null, not zero, of what was not measured', () => {
    const alone = summariseEvaluation({
      ...options,
      reference: null,
      rewardModel: null,
      referenceReplies: null,
      radarJudge: null,
      replies: options.replies.map(({ klToReference, ...rest }, i) => (i === 0 ? { ...rest, klToReference: 1 } : rest)),
    });
    expect(alone).toMatchObject({ reward: null, rewardGain: null, kl: null, radar: null, winRate: {} });
    expect(evaluationMetrics(alone)).not.toHaveProperty('reward');
  });

  test('is readable in a terminal', () => {
    const text = renderEvaluation(evaluation);
    expect(text).toContain('policy-1 on 2 prompts, 2 samples each, against sft-1');
    expect(text).toMatch(/win rate, length +0\.50 \(0\.00 to 1\.00\) +not clear of one half/);
    expect(text).toMatch(/KL +2\.00/);
    expect(text).toMatch(/reasoning +██████░{14} {2}0\.30/);
  });
});

describe('evaluationHistory', () => {
  test('reads the evaluations of a workspace, oldest first', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fourfold-history-'));
    try {
      const workspace = await openWorkspace(dir);
      for (const createdAt of ['2026-01-02T00:00:00.000Z', '2026-01-01T00:00:00.000Z']) {
        const evaluation = { ...summariseEvaluation(options), createdAt };
        await workspace.artifacts.create(
          { kind: 'evaluation', parents: [], seed: 1, config: {}, engine: null, round: 1, runId: null, metrics: {} },
          (folder) => writeFile(join(folder, 'evaluation.json'), JSON.stringify(evaluation)),
        );
      }
      const history = await evaluationHistory(workspace.artifacts);
      expect(history.map(({ id }) => id)).toEqual(['evaluation-2', 'evaluation-1'].map((id) => ArtifactId.parse(id)));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
