import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '../engine/tf.ts';
import { type Parameters, readBack } from '../model/parameters.ts';
import type { Run } from '../store/runs.ts';
import { examplesOfStep, type SupervisedOptions, stepsOf, trainSupervised } from './supervised.ts';
import { makeTinyJob, type TinyJob } from './testing/tinyJob.ts';

interface Point {
  x: [number, number];
  y: number;
}

// y = 2 x₀ - x₁ + ½, which a linear model can learn.
const POINTS: Point[] = Array.from({ length: 10 }, (_, i) => {
  const x: [number, number] = [Math.sin(i), Math.cos(2 * i)];
  return { x, y: 2 * x[0] - x[1] + 0.5 };
});

let tiny: TinyJob;
beforeAll(async () => {
  tiny = await makeTinyJob();
});
afterAll(() => tiny.remove());

const newParameters = (): Parameters =>
  new Map<string, tf.Variable>([
    ['w', tf.variable(tf.tensor([0.1, -0.2], [2, 1]))],
    ['b', tf.variable(tf.tensor([0]))],
  ]);

/** Mean squared error, as a sum over the examples divided by the batch's total weight. */
const squaredError =
  (parameters: Parameters) =>
  (points: ReadonlyArray<Point>, totalWeight: number): tf.Scalar =>
    tf.tidy(() => {
      const x = tf.tensor2d(points.map((point) => point.x));
      const y = tf.tensor2d(points.map((point) => [point.y]));
      const guess = tf.add(tf.matMul(x, parameters.get('w') as tf.Tensor2D), parameters.get('b') as tf.Tensor);
      return tf.div(tf.sum(tf.squaredDifference(guess, y)), totalWeight) as tf.Scalar;
    });

const optionsFor = (parameters: Parameters, run: Run): SupervisedOptions<Point> => ({
  parameters,
  examples: POINTS,
  weightOf: () => 1,
  loss: squaredError(parameters),
  batchSize: 4,
  gradientAccumulation: 1,
  totalSteps: 7,
  warmupSteps: 2,
  schedule: 'cosine',
  learningRate: 0.05,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  maxGradNorm: 1,
  validateEvery: 0,
  checkpointEvery: 2,
  seed: 5,
  run,
  task: { update: () => undefined, finish: () => undefined },
  signal: new AbortController().signal,
});

const newRun = () => tiny.workspace.runs.create('toy', {});

/** Trains new parameters; gives them, and every file of the newest checkpoint. */
async function trained(change: Partial<SupervisedOptions<Point>> = {}, given: Run | null = null) {
  const run = given ?? (await newRun());
  const parameters = newParameters();
  const { loss } = await trainSupervised({ ...optionsFor(parameters, run), ...change });
  const values = await readBack(parameters);
  return { run, loss, values, parameters };
}

/** Options whose signal is aborted once `steps` steps are done. */
function stoppingAfter(steps: number): Pick<SupervisedOptions<Point>, 'signal' | 'afterStep'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    afterStep: async (done) => {
      if (done === steps) controller.abort();
    },
  };
}

const linesOf = async (run: Run) => (await run.metrics.read()).map(({ step, loss }) => [step, loss]);

describe('the order of examples', () => {
  const letters = [...'abcdefghij'];
  const epoch = (seed: number, from: number) =>
    [0, 1, 2].flatMap((step) => examplesOfStep(letters, { batchSize: 4, seed, step: from + step }));

  test('each epoch holds every example once, in an order of its own', () => {
    // 10 examples in batches of 4: 4, 4, 2.
    expect(examplesOfStep(letters, { batchSize: 4, seed: 1, step: 2 })).toHaveLength(2);
    const [first, second] = [epoch(1, 0), epoch(1, 3)];
    expect([...first].sort()).toEqual(letters);
    expect([...second].sort()).toEqual(letters);
    expect(first).not.toEqual(second);
    expect(first).not.toEqual(epoch(2, 0));
  });

  test('a step gives the same examples whenever it is asked', () => {
    const options = { batchSize: 3, seed: 8, step: 17 };
    const once = examplesOfStep(letters, options);
    examplesOfStep(letters, { ...options, step: 2 });
    expect(examplesOfStep(letters, options)).toEqual(once);
    expect(letters.join('')).toBe('abcdefghij');
  });

  test('a batch larger than the set is the set', () => {
    expect(examplesOfStep(letters, { batchSize: 99, seed: 1, step: 4 }).sort()).toEqual(letters);
  });

  test('steps are counted by whole batches', () => {
    // ceil(10 / 4) = 3 a pass; half a pass rounds to 2; never none.
    expect([stepsOf(10, 4, 1), stepsOf(10, 4, 2), stepsOf(10, 4, 0.5), stepsOf(10, 4, 0.01)]).toEqual([3, 6, 2, 1]);
  });
});

describe('training', () => {
  test('the loss falls to the solution', async () => {
    const { values, loss } = await trained({ totalSteps: 240, learningRate: 0.1, weightDecay: 0, checkpointEvery: 0 });
    expect(loss).toBeLessThan(1e-3);
    const [first = 0, second = 0] = values.get('w')?.values ?? [];
    expect(first).toBeCloseTo(2, 1);
    expect(second).toBeCloseTo(-1, 1);
  });

  test('micro-batches add up to the batch: the same parameters, to rounding', async () => {
    const whole = await trained();
    for (const gradientAccumulation of [2, 3, 4]) {
      const parts = await trained({ gradientAccumulation });
      for (const [name, { values }] of whole.values) {
        for (const [i, value] of values.entries()) expect(parts.values.get(name)?.values[i]).toBeCloseTo(value, 5);
      }
      const losses = await linesOf(parts.run);
      for (const [i, [, loss]] of (await linesOf(whole.run)).entries()) {
        expect(losses[i]?.[1]).toBeCloseTo(Number(loss), 5);
      }
    }
  });

  test('examples weigh as they say', async () => {
    // With all weight on one example, the loss is that example's alone: (0 - y)² at w = (0.1, -0.2), b = 0.
    const [point] = POINTS as [Point];
    const { run } = await trained({ examples: [point], weightOf: () => 4, totalSteps: 1 });
    const guess = 0.1 * point.x[0] - 0.2 * point.x[1];
    const [line] = await run.metrics.read();
    expect(line?.loss).toBeCloseTo((guess - point.y) ** 2 / 4, 6);
  });

  test('the tensors do not grow', async () => {
    const counts: number[] = [];
    await trained({ afterStep: async () => void counts.push(tf.memory().numTensors) });
    expect(counts).toHaveLength(7);
    expect(new Set(counts).size).toBe(1);
  });

  test('validation is read at its steps and at the last', async () => {
    const { run } = await trained({ validateEvery: 3, validate: async () => ({ heldOut: 1 }) });
    const lines = await run.metrics.read();
    expect(lines.filter((line) => line.heldOut === 1).map((line) => line.step)).toEqual([3, 6, 7]);
  });

  test('nothing to train on is an error', async () => {
    await expect(trained({ examples: [] })).rejects.toMatchObject({ code: 'bad-input' });
  });
});

describe('a loss that is no number', () => {
  test('stops the run, names the step, and leaves parameters and checkpoints as they were before', async () => {
    const run = await newRun();
    const parameters = newParameters();
    let calls = 0;
    const whole = squaredError(parameters);
    const failing = {
      ...optionsFor(parameters, run),
      // Step 4 is the fourth call; the checkpoint of step 2 is the newest before it.
      loss: (points: ReadonlyArray<Point>, weight: number) =>
        ++calls === 4 ? (tf.tidy(() => tf.mul(whole(points, weight), Number.NaN)) as tf.Scalar) : whole(points, weight),
    };
    await expect(trainSupervised(failing)).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringMatching(/^Step 4: .* loss NaN/),
    });
    expect((await run.latestCheckpoint())?.step).toBe(2);
    expect((await run.metrics.read()).map(({ step }) => step)).toEqual([1, 2, 3]);
    for (const { values } of (await readBack(parameters)).values()) {
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });

  test('a gradient that overflows stops it too', async () => {
    const run = await newRun();
    const parameters = newParameters();
    // √(w² + …) has the derivative 0/0 at w = 0.
    const atZero: Parameters = new Map([['w', tf.variable(tf.zeros([2, 1]))]]);
    await expect(
      trainSupervised({
        ...optionsFor(parameters, run),
        parameters: atZero,
        loss: () => tf.tidy(() => tf.sum(tf.sqrt(tf.square(atZero.get('w') as tf.Tensor))) as tf.Scalar),
      }),
    ).rejects.toMatchObject({ code: 'not-finite', message: expect.stringContaining('gradient norm NaN') });
    expect(await run.latestCheckpoint()).toBeNull();
  });
});

describe('stopping and going on', () => {
  test('an aborted run writes a checkpoint and says how to go on', async () => {
    const run = await newRun();
    await expect(trained({ ...stoppingAfter(3) }, run)).rejects.toMatchObject({
      code: 'interrupted',
      message: `Stopped after step 3 of 7; go on with --resume ${run.id}.`,
    });
    expect((await run.latestCheckpoint())?.step).toBe(3);
  });

  test.each([1, 3, 6])('stopped after step %i and resumed is bitwise as if never stopped', async (steps) => {
    const straight = await trained({ checkpointEvery: 1 });
    const run = await newRun();
    await expect(trained({ ...stoppingAfter(steps), checkpointEvery: 1 }, run)).rejects.toMatchObject({
      code: 'interrupted',
    });
    const resumed = await trained({ checkpointEvery: 1 }, run);
    expect(resumed.loss).toBe(straight.loss);
    expect(resumed.values).toEqual(straight.values);
    expect(await linesOf(run)).toEqual(await linesOf(straight.run));
    // The newest checkpoints of both (step 6) hold the same parameters, moments and counts.
    const [a, b] = await Promise.all([straight.run.latestCheckpoint(), run.latestCheckpoint()]);
    expect([a?.step, b?.step]).toEqual([6, 6]);
    const names = await readdir(a?.dir ?? '');
    expect(names.sort()).toEqual(['model.optimizer.safetensors', 'model.safetensors', 'state.json']);
    for (const name of names) {
      const [mine, theirs] = await Promise.all([
        readFile(join(a?.dir ?? '', name)),
        readFile(join(b?.dir ?? '', name)),
      ]);
      expect(mine.equals(theirs)).toBe(true);
    }
  });

  test('stopped before the first step, it goes on from the beginning', async () => {
    const controller = new AbortController();
    controller.abort();
    const run = await newRun();
    await expect(trained({ signal: controller.signal }, run)).rejects.toMatchObject({ code: 'interrupted' });
    expect((await run.latestCheckpoint())?.step).toBe(0);
    expect((await trained({}, run)).values).toEqual((await trained()).values);
  });

  test('after a crash it goes on from the newest checkpoint, and no step is recorded twice', async () => {
    const run = await newRun();
    const crash = async (done: number) => {
      if (done === 5) throw new Error('crash');
    };
    await expect(trained({ afterStep: crash }, run)).rejects.toThrow('crash');
    expect((await run.latestCheckpoint())?.step).toBe(4);
    const resumed = await trained({}, run);
    expect(resumed.values).toEqual((await trained()).values);
    expect((await linesOf(run)).map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('a damaged checkpoint', () => {
  async function stopped(): Promise<{ run: Run; dir: string }> {
    const run = await newRun();
    await expect(trained({ ...stoppingAfter(3) }, run)).rejects.toMatchObject({ code: 'interrupted' });
    return { run, dir: (await run.latestCheckpoint())?.dir ?? '' };
  }

  test.each(['model.safetensors', 'model.optimizer.safetensors'])('%s cut short is named', async (name) => {
    for (const size of [0, 5, 60, 400]) {
      const { run, dir } = await stopped();
      await truncate(join(dir, name), Math.min(size, (await readFile(join(dir, name))).length - 1));
      await expect(trained({}, run)).rejects.toMatchObject({
        code: 'bad-model',
        message: expect.stringContaining(join(dir, name)),
      });
    }
  });

  test.each([
    ['', 'expected JSON'],
    ['{"optimizerSteps":{"mo', 'expected JSON'],
    ['null', 'expected an object'],
    ['{"state":{"stepsDone":3}}', 'optimizerSteps'],
    ['{"optimizerSteps":{},"state":{"stepsDone":3}}', 'optimizerSteps'],
    ['{"optimizerSteps":{"model":3},"state":{}}', 'stepsDone'],
  ])('a state of %j is named', async (text, what) => {
    const { run, dir } = await stopped();
    await writeFile(join(dir, 'state.json'), text);
    await expect(trained({}, run)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(new RegExp(`state\\.json.*${what}`)),
    });
  });

  test('a missing file is named', async () => {
    const { run, dir } = await stopped();
    await rm(join(dir, 'model.optimizer.safetensors'));
    await expect(trained({}, run)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('model.optimizer.safetensors'),
    });
  });

  test("another model's checkpoint is refused with both shapes", async () => {
    const { run } = await stopped();
    const parameters: Parameters = new Map([['w', tf.variable(tf.zeros([3, 1]))]]);
    await expect(trainSupervised({ ...optionsFor(parameters, run), parameters })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/\[3,1\].*\[2,1\]/),
    });
  });

  test('moments of another shape are refused', async () => {
    const [one, other] = [await stopped(), await newRun()];
    const wide: Parameters = new Map([
      ['w', tf.variable(tf.zeros([3, 1]))],
      ['b', tf.variable(tf.zeros([1]))],
    ]);
    const loss = () =>
      tf.tidy(
        () => tf.sum(tf.square(tf.concat([...wide.values()].map((each) => tf.reshape(each, [-1]))))) as tf.Scalar,
      );
    await trainSupervised({ ...optionsFor(wide, other), parameters: wide, loss });
    const name = 'model.optimizer.safetensors';
    await writeFile(join(one.dir, name), await readFile(join((await other.latestCheckpoint())?.dir ?? '', name)));
    await expect(trained({}, one.run)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining(name),
    });
  });
});
