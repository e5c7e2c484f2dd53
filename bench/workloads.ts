// The four workloads, each through the code that the commands run: the supervised loop with the losses of sft and reward,
// generate, and PPO's roll-out, lessons and optimisation.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pair } from '../src/core/records.ts';
import { AdamW } from '../src/engine/adamW.ts';
import { generate } from '../src/generate/generate.ts';
import type { Sequence } from '../src/model/batch.ts';
import type { ModelConfig } from '../src/model/config.ts';
import { type Model, modelOf } from '../src/model/model.ts';
import { causalLmShapes, decays, scalarHeadShapes } from '../src/model/parameters.ts';
import { PpoConfig } from '../src/ppo/config.ts';
import { lessonsOf } from '../src/ppo/lessons.ts';
import { optimize } from '../src/ppo/optimize.ts';
import { rollOut } from '../src/ppo/rollout.ts';
import { RewardConfig } from '../src/reward/config.ts';
import type { PairGroup } from '../src/reward/groups.ts';
import { pairLoss } from '../src/reward/train.ts';
import { SftConfig } from '../src/sft/config.ts';
import { negativeLogLikelihood, responseTokens } from '../src/sft/train.ts';
import { openWorkspace } from '../src/store/workspace.ts';
import { type SupervisedOptions, trainSupervised } from '../src/training/supervised.ts';
import { benchParameters, randomIds, type Shape } from './shapes.ts';

/** What one workload took. */
export interface Timing {
  /** Tokens that one timed unit counts for. */
  tokens: number;
  /** The median unit. */
  seconds: number;
}

/** Steps before those that are timed. */
const WARM_UP = 2;

const newModel = (config: ModelConfig): Model => modelOf('causal-lm', config, benchParameters(causalLmShapes(config)));
const newScorer = (config: ModelConfig): Model => modelOf('scalar', config, benchParameters(scalarHeadShapes(config)));

/** The upper median, as the peer takes it. */
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const seconds = (): number => performance.now() / 1000;

/** Seconds from the end of each step to the end of the next: whole steps with optimiser, metrics and all. */
async function stepTimes<E>(
  steps: number,
  options: Omit<SupervisedOptions<E>, 'totalSteps' | 'warmupSteps' | 'run' | 'task' | 'signal' | 'afterStep'>,
): Promise<number[]> {
  const dir = await mkdtemp(join(tmpdir(), 'fourfold-bench-'));
  try {
    const marks = [seconds()];
    await trainSupervised({
      ...options,
      totalSteps: steps,
      warmupSteps: 0,
      run: await (await openWorkspace(dir)).runs.create('bench', {}),
      task: { update: () => undefined, finish: () => undefined },
      signal: new AbortController().signal,
      afterStep: async () => void marks.push(seconds()),
    });
    return marks.slice(1).map((mark, i) => mark - (marks[i] ?? 0));
  } finally {
    await rm(dir, { recursive: true });
  }
}

const LOOP = { validateEvery: 0, checkpointEvery: 0 };

/** Fine-tuning: 8 x 128 tokens a step, the first 32 of each row masked, or as the shape says. */
async function sft({ config: shape, amounts }: Shape, steps: number): Promise<Timing> {
  const { rows, length, prompt } = amounts.sft;
  const model = newModel(shape);
  const config = SftConfig.parse({ model: 'bench', prompts: 'bench', batchSize: rows, ...LOOP });
  const isResponseToken = Array.from({ length }, (_, i) => i >= prompt);
  const times = await stepTimes(steps + WARM_UP, {
    ...config,
    parameters: model.parameters,
    examples: randomIds(shape, rows * (steps + WARM_UP), length).map((ids) => ({ ids, isResponseToken })),
    weightOf: responseTokens,
    loss: (examples, totalTokens) => negativeLogLikelihood(model, examples, totalTokens),
  });
  return { tokens: rows * length, seconds: median(times.slice(WARM_UP)) };
}

/** The reward model: 8 pairs of 128 and 128 tokens a step, or as the shape says. */
async function reward({ config: shape, amounts }: Shape, steps: number): Promise<Timing> {
  const { pairs, length, prompt } = amounts.reward;
  const model = newScorer(shape);
  const config = RewardConfig.parse({ model: 'bench', batchSize: pairs, ...LOOP });
  const count = pairs * (steps + WARM_UP);
  const sequences = randomIds(shape, 2 * count, length).map(
    (ids): Sequence => ({ ids, isResponseToken: ids.map((_, i) => i >= prompt) }),
  );
  const groups = Array.from({ length: count }, (_, i): PairGroup => {
    const pair = { softLabel: 1, margin: 0 } as Pair;
    return { pairs: [pair], sequences: sequences.slice(2 * i, 2 * i + 2), chosenAt: [0], rejectedAt: [1] };
  });
  const times = await stepTimes(steps + WARM_UP, {
    ...config,
    parameters: model.parameters,
    examples: groups,
    weightOf: () => 1,
    loss: (batch, totalPairs) => pairLoss(model, batch, totalPairs, config),
  });
  return { tokens: 2 * pairs * length, seconds: median(times.slice(WARM_UP)) };
}

/** Sampling 64 tokens for each of 16 prompts of 32, or as the shape says; nothing ends a reply early. */
async function rollout({ config: shape, amounts }: Shape): Promise<Timing> {
  const model = newModel(shape);
  const { rows, prompt, newTokens, temperature } = amounts.rollout;
  const requests = randomIds(shape, rows, prompt).map((promptIds, seed) => ({ promptIds, seed }));
  const sampling = { temperature, topK: 0, topP: 1, maxNewTokens: newTokens };
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const start = seconds();
    const replies = await generate(model, requests, { sampling, stopIds: [] });
    times.push(seconds() - start);
    if (replies.some(({ tokenIds }) => tokenIds.length !== newTokens)) throw new Error('A reply ended early.');
  }
  return { tokens: rows * newTokens, seconds: median(times.slice(1)) };
}

/** No token has this id: every reply runs to its full length. */
const NEVER = -1;

/** Whole iterations: roll-out, scoring by three more models, 4 epochs of one minibatch for policy and critic. */
async function ppo({ config: shape, amounts }: Shape): Promise<Timing> {
  const { rows, prompt, newTokens, temperature } = amounts.rollout;
  const config = PpoConfig.parse({
    ...{ model: 'bench', rewardModel: 'bench', prompts: 'bench', epochs: 4, minibatches: 1 },
    ...{ promptsPerIteration: rows, forwardBatchSize: rows, maxNewTokens: newTokens, temperature },
  });
  const [policy, reference] = [newModel(shape), newModel(shape)];
  const [value, scorer] = [newScorer(shape), newScorer(shape)];
  const learner = (model: Model) => ({
    model,
    optimizer: new AdamW({ ...config, decays }),
    learningRate: config.learningRate,
  });
  const learners = { policy: learner(policy), value: learner(value) };
  const times: number[] = [];
  for (let iteration = 0; iteration < 3; iteration++) {
    const start = seconds();
    const prompts = randomIds(shape, rows, prompt, iteration).map((ids, i) => ({ id: `${iteration} ${i}`, ids }));
    const models = { policy, reference, value, reward: scorer };
    const episodes = await rollOut(models, prompts, { config, iteration, stopIds: [NEVER] });
    const scale = { mean: 0, deviation: 1 };
    const lessons = lessonsOf(episodes, { config, scale, klCoefficient: config.klCoefficient });
    await optimize(lessons, learners, { config, iteration });
    times.push(seconds() - start);
    if (episodes.some(({ logProbs }) => logProbs.length !== newTokens)) throw new Error('A reply ended early.');
  }
  return { tokens: rows * newTokens, seconds: median(times.slice(1)) };
}

export const WORKLOADS = { sft, reward, rollout, ppo } as const;
export type WorkloadName = keyof typeof WORKLOADS;
