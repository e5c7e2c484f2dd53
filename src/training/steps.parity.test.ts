// Loss and gradients of one step of SFT, reward model and PPO beside PyTorch (data/goldens/make_step_goldens.py), on every
// back end that is present. Held to 1e-4, looser than an operation's 1e-5, since rounding adds up over two layers and back.
import { readFileSync } from 'node:fs';
import { packagePath } from '../core/packageRoot.ts';
import type { Pair } from '../core/records.ts';
import { startEngine } from '../engine/backend.ts';
import { globalNorm, valueAndGradients } from '../engine/gradients.ts';
import { expectAllClose } from '../engine/testing/allClose.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import type { Sequence } from '../model/batch.ts';
import { loadModel, type Model } from '../model/model.ts';
import { PpoConfig } from '../ppo/config.ts';
import type { Lesson } from '../ppo/lessons.ts';
import { policyStepLoss, valueStepLoss } from '../ppo/optimize.ts';
import { RewardConfig } from '../reward/config.ts';
import type { PairGroup } from '../reward/groups.ts';
import { pairLoss } from '../reward/train.ts';
import { negativeLogLikelihood, responseTokens } from '../sft/train.ts';

interface Golden {
  /** Tokens of each sequence that are the prompt. */
  prompt: number;
  sequences: number[][];
  settings: Record<'temperature' | 'clipRange' | 'valueClipRange' | 'centering', number>;
  lessons: Pick<Lesson, 'logProbs' | 'advantages' | 'values' | 'returns'>[];
  pairs: { chosen: number; rejected: number; softLabel: number; margin: number }[];
  clippedRatios: number;
  steps: Record<string, { loss: number; gradients: Record<string, { norm: number; at: number[]; values: number[] }> }>;
}

const golden: Golden = JSON.parse(readFileSync(packagePath('data', 'goldens', 'steps.json'), 'utf8'));
const { temperature, clipRange, valueClipRange, centering } = golden.settings;
const sequences = golden.sequences.map(
  (ids): Sequence => ({ ids, isResponseToken: ids.map((_, i) => i >= golden.prompt) }),
);
const lessons = golden.lessons.map((lesson, i) => ({ ...lesson, sequence: sequences[i] }) as Lesson);
// All sequences in one group: each goes through the trunk once, though one of them is in both pairs.
const group: PairGroup = {
  pairs: golden.pairs.map(({ softLabel, margin }) => ({ softLabel, margin }) as Pair),
  sequences,
  chosenAt: golden.pairs.map(({ chosen }) => chosen),
  rejectedAt: golden.pairs.map(({ rejected }) => rejected),
};
const ppo = PpoConfig.parse({
  ...{ model: 'tied', rewardModel: 'reward', prompts: 'none' },
  ...{ temperature, clipRange, valueClipRange },
});
const reward = RewardConfig.parse({ model: 'reward', centering, useMargin: true });
const tokens = sequences.reduce((sum, sequence) => sum + responseTokens(sequence), 0);

const STEPS: Record<string, { folder: string; loss: (model: Model) => tf.Scalar }> = {
  sft: { folder: 'tied', loss: (model) => negativeLogLikelihood(model, sequences, tokens) },
  reward: { folder: 'reward', loss: (model) => pairLoss(model, [group], golden.pairs.length, reward) },
  policy: { folder: 'tied', loss: (model) => policyStepLoss(model, lessons, ppo).loss },
  value: { folder: 'reward', loss: (model) => valueStepLoss(model, lessons, ppo).loss },
};

const TOLERANCE = { relative: 1e-4 };

test('the golden policy step clips some ratios and not others', () => {
  expect(golden.clippedRatios).toBeGreaterThan(0);
  expect(golden.clippedRatios).toBeLessThan(tokens);
});

describe.each(await presentBackends())('on %s', (backend) => {
  test.each(Object.keys(STEPS))('a %s step has PyTorch’s loss and gradients', async (name) => {
    await startEngine({ backend });
    const { folder, loss } = STEPS[name] as (typeof STEPS)[string];
    const expected = golden.steps[name] as Golden['steps'][string];
    const head = folder === 'reward' ? 'scalar' : 'causal-lm';
    const model = await loadModel(packagePath('data', 'goldens', 'llamas', folder), head);
    const { value, gradients } = valueAndGradients(model.trained, () => loss(model));
    expectAllClose({ shape: [1], data: await value.data() }, { shape: [1], data: [expected.loss] }, TOLERANCE);
    expect([...gradients.keys()].sort()).toEqual(Object.keys(expected.gradients).sort());
    for (const [parameter, gradient] of gradients) {
      const { norm, at, values } = expected.gradients[parameter] as { norm: number; at: number[]; values: number[] };
      const own = await gradient.data();
      const shape = [at.length];
      // Beside the whole gradient's root mean square, so that a few small values are not held to their own.
      const scale = norm / Math.sqrt(own.length);
      const [mine, theirs] = [at.map((i) => Number(own[i]) / scale), values.map((x) => x / scale)];
      expectAllClose({ shape, data: mine }, { shape, data: theirs }, TOLERANCE);
      const length = globalNorm(new Map([[parameter, gradient]]));
      expectAllClose({ shape: [1], data: await length.data() }, { shape: [1], data: [norm] }, TOLERANCE);
      length.dispose();
    }
    tf.dispose([value, ...gradients.values()]);
    model.dispose();
  });
});
