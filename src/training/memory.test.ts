// What training holds: the same number of tensors and bytes after each of 200 steps, and never all logits at once.
import { AdamW } from '../engine/adamW.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import * as tf from '../engine/tf.ts';
import type { WasmBackend } from '../engine/wasm/runtime.ts';
import { inTraining } from '../model/adapted.ts';
import { llamaConfig } from '../model/architectures/llama.ts';
import { makeBatch, type Sequence } from '../model/batch.ts';
import { responseLogProbs } from '../model/heads.ts';
import { type Model, modelOf, newModel } from '../model/model.ts';
import { decays, initialParameters, scalarHeadShapes } from '../model/parameters.ts';
import { PpoConfig } from '../ppo/config.ts';
import { lessonsOf } from '../ppo/lessons.ts';
import { optimize } from '../ppo/optimize.ts';
import { rollOut } from '../ppo/rollout.ts';
import { RewardConfig } from '../reward/config.ts';
import type { PairGroup } from '../reward/groups.ts';
import { pairLoss } from '../reward/train.ts';
import { SftConfig } from '../sft/config.ts';
import { negativeLogLikelihood } from '../sft/train.ts';
import { type SupervisedOptions, trainSupervised } from './supervised.ts';
import { makeTinyJob, type TinyJob } from './testing/tinyJob.ts';

const STEPS = 200;
const SHAPE = llamaConfig({
  ...{ vocab: 30, hidden: 8, intermediate: 12, layers: 2, heads: 2, kvHeads: 1, headDim: 4 },
  ...{ maxPositions: 16, normEpsilon: 1e-5, ropeTheta: 10_000, tieEmbeddings: true },
});
const newScorer = (): Model => modelOf('scalar', SHAPE, initialParameters(scalarHeadShapes(SHAPE), 1));
const SEQUENCES = Array.from({ length: 6 }, (_, row): Sequence => {
  const ids = Array.from({ length: 6 + row }, (_, i) => (5 * i + row) % 30);
  return { ids, isResponseToken: ids.map((_, i) => i > 2) };
});

let tiny: TinyJob;
beforeAll(async () => {
  tiny = await makeTinyJob();
});
afterAll(() => tiny.remove());

/** Tensors and bytes at the end of a step. */
const held = (): string => `${tf.memory().numTensors} tensors, ${tf.memory().numBytes} bytes`;

type Loop<E> = Pick<SupervisedOptions<E>, 'parameters' | 'examples' | 'loss'>;

async function heldInTraining<E>(loop: Loop<E>, config: SftConfig | RewardConfig): Promise<Set<string>> {
  const seen = new Set<string>();
  await trainSupervised<E>({
    ...config,
    ...loop,
    weightOf: () => 1,
    totalSteps: STEPS,
    warmupSteps: 0,
    run: await tiny.workspace.runs.create('memory', {}),
    task: { update: () => undefined, finish: () => undefined },
    signal: new AbortController().signal,
    afterStep: async () => void seen.add(held()),
  });
  return seen;
}

const LOOP = { model: 'none', batchSize: 3, validateEvery: 0, checkpointEvery: 0 };

test.each([false, true])(
  'fine-tuning holds the same after each of 200 steps (computing again: %s)',
  async (recomputes) => {
    const model = newModel(SHAPE, 1);
    const seen = inTraining(model, { dropoutSeed: null, recomputes });
    const loss = (examples: ReadonlyArray<Sequence>, total: number) => negativeLogLikelihood(seen, examples, total);
    const loop = { parameters: model.trained, examples: SEQUENCES, loss };
    expect(await heldInTraining(loop, SftConfig.parse({ ...LOOP, prompts: 'none' }))).toHaveProperty('size', 1);
    model.dispose();
  },
);

test('the reward model holds the same after each of 200 steps', async () => {
  const model = newScorer();
  const config = RewardConfig.parse(LOOP);
  const groups = [0, 2, 4].map((i): PairGroup => {
    const pairs = [{ softLabel: 1, margin: 0 }] as PairGroup['pairs'];
    return { pairs, sequences: SEQUENCES.slice(i, i + 2), chosenAt: [0], rejectedAt: [1] };
  });
  const loss = (batch: ReadonlyArray<PairGroup>, total: number) => pairLoss(model, batch, total, config);
  const loop = { parameters: model.trained, examples: groups, loss };
  expect(await heldInTraining(loop, config)).toHaveProperty('size', 1);
  model.dispose();
});

test('PPO holds the same after each of 100 iterations of two steps', async () => {
  const models = {
    policy: newModel(SHAPE, 1),
    reference: newModel(SHAPE, 1),
    value: newScorer(),
    reward: newScorer(),
  };
  const config = PpoConfig.parse({
    ...{ model: 'none', rewardModel: 'none', prompts: 'none' },
    ...{ epochs: 1, minibatches: 2, maxNewTokens: 4 },
  });
  const learner = (model: Model) => ({ model, optimizer: new AdamW({ ...config, decays }), learningRate: 1e-3 });
  const learners = { policy: learner(models.policy), value: learner(models.value) };
  const prompts = SEQUENCES.slice(0, 4).map(({ ids }, i) => ({ id: `${i}`, ids: ids.slice(0, 3) }));
  const seen = new Set<string>();
  for (let iteration = 0; iteration < STEPS / 2; iteration++) {
    const episodes = await rollOut(models, prompts, { config, iteration, stopIds: [1] });
    const lessons = lessonsOf(episodes, { config, scale: { mean: 0, deviation: 1 }, klCoefficient: 0.05 });
    await optimize(lessons, learners, { config, iteration });
    seen.add(held());
  }
  expect(seen).toHaveProperty('size', 1);
  for (const model of Object.values(models)) model.dispose();
  for (const { optimizer } of Object.values(learners)) optimizer.dispose();
});

/** Bytes of the memory that tensors and the scratch space of kernels lie in; it only grows. */
function memoryBytes(): number {
  const { wasm } = tf.backend() as unknown as WasmBackend;
  return (wasm.asm?.memory ?? wasm.wasmMemory)?.buffer.byteLength ?? Number.NaN;
}

test('no step holds the logits of all its positions', () => {
  const [vocab, time] = [20_000, 2048];
  const model = newModel({ ...SHAPE, vocab, maxPositions: time }, 1);
  const ids = Array.from({ length: time }, (_, i) => i);
  const sequences = [{ ids, isResponseToken: ids.map((_, i) => i > 0) }];
  const before = memoryBytes();
  // The gradient is foreseen in the first, and computed afterwards in the second.
  for (const loss of [
    () => negativeLogLikelihood(model, sequences, time - 1),
    () => tf.mean(responseLogProbs(model, makeBatch(sequences, time)).logProbs) as tf.Scalar,
  ]) {
    const { value, gradients } = valueAndGradients(model.trained, loss);
    expect(value.dataSync()[0]).not.toBeNaN();
    tf.dispose([value, ...gradients.values()]);
  }
  // All logits would take 2047 x 20,000 x 4 bytes, 164 MB.
  expect(memoryBytes() - before).toBeLessThan(((time - 1) * vocab * 4) / 2);
  model.dispose();
});
