// Every architecture beside Hugging Face transformers (data/goldens/make_architecture_goldens.py): logits to 1e-4, greedy
// tokens exactly, loss and gradients of every parameter, rewards of a score head on the same trunk. Looser than an
// operation's 1e-5, since rounding adds up over the layers.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import { expectAllClose, type Values, valuesOf } from '../engine/testing/allClose.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import { generate } from '../generate/generate.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { disposeBatch, makeBatch, type Sequence } from './batch.ts';
import { parseModelConfig } from './configFile.ts';
import { logitsOf, responseLogProbs } from './heads.ts';
import { loadModel, type Model, scalarModelFrom } from './model.ts';
import { parameter, SCORE_HEAD } from './parameters.ts';
import { modelTables } from './ropeScaling.ts';
import { scoreSequences } from './score.ts';
import { transformer } from './transformer.ts';
import { layoutOf, otherLayout } from './weightLayout.ts';

interface ModelGolden {
  /** One [time, vocab] a sequence. */
  logits: Values[];
  greedy: number[][];
  loss: number;
  /** By parameter: norm of the gradient, and its product with sin(0), sin(1), ... in the file's layout. */
  gradients: Record<string, [number, number]>;
  rewards: number[];
}

interface FixtureGolden {
  prompt: number[];
  /** [vocab], after the prompt */
  logits: Values;
  greedy: number[];
  texts?: { text: string; ids: number[] }[];
}

interface Goldens {
  sequences: Sequence[];
  prompts: number[][];
  models: Record<string, ModelGolden>;
  ropes: Record<string, { parameters: Record<string, unknown>; frequencies: number[]; scale: number }>;
  fixtures: Record<string, FixtureGolden>;
}

const goldens: Goldens = JSON.parse(await readFile(packagePath('data', 'goldens', 'architectures.json'), 'utf8'));
const backends = await presentBackends();
const vector = (values: ArrayLike<number>): Values => ({ shape: [values.length], data: values });

/** Logits of the real positions of a padded batch, a row each. */
async function batchLogits(model: Model, sequences: Sequence[]): Promise<Values[]> {
  const batch = makeBatch(sequences, model.config.maxPositions);
  const logits = tf.tidy(() => logitsOf(model, transformer(model, batch).hidden));
  const { shape, data } = await valuesOf(logits);
  const [, time = 0, vocab = 0] = shape;
  logits.dispose();
  disposeBatch(batch);
  return sequences.map(({ ids }, row) => ({
    shape: [ids.length, vocab],
    data: Array.from(data).slice(row * time * vocab, (row * time + ids.length) * vocab),
  }));
}

async function greedy(model: Model, prompts: number[][], maxNewTokens: number): Promise<number[][]> {
  const requests = prompts.map((promptIds) => ({ promptIds, seed: 1 }));
  const sampling = { temperature: 0, topK: 0, topP: 1, maxNewTokens };
  return (await generate(model, requests, { sampling, stopIds: [] })).map(({ tokenIds }) => tokenIds);
}

/** Norm of a gradient, and its product with sin(0), sin(1), ... */
function figuresOf(values: ArrayLike<number>): [number, number] {
  let [square, along] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    square += Number(values[i]) ** 2;
    along += Number(values[i]) * Math.sin(i);
  }
  return [Math.sqrt(square), along];
}

describe.each(backends)('on %s', (backend) => {
  describe.each(Object.entries(goldens.models))('%s', (name, golden) => {
    const dir = packagePath('data', 'goldens', 'architectures', name);
    let tensorsBefore: number;
    beforeEach(async () => {
      await startEngine({ backend });
      tensorsBefore = tf.memory().numTensors;
    });
    afterEach(() => expect(tf.memory().numTensors).toBe(tensorsBefore));

    test('logits of a padded batch, and greedy continuations of prompts of unequal length', async () => {
      const model = await loadModel(dir, 'causal-lm');
      const logits = await batchLogits(model, goldens.sequences);
      for (const [row, expected] of golden.logits.entries()) {
        expectAllClose(logits[row] as Values, expected, { relative: 1e-4 });
      }
      expect(await greedy(model, goldens.prompts, golden.greedy[0]?.length ?? 0)).toEqual(golden.greedy);
      model.dispose();
    });

    test('loss of the response tokens, and gradients of all parameters', async () => {
      const model = await loadModel(dir, 'causal-lm');
      const batch = makeBatch(goldens.sequences, model.config.maxPositions);
      const { value, gradients } = valueAndGradients(model.parameters, () =>
        tf.neg(tf.mean(responseLogProbs(model, batch).logProbs)),
      );
      expectAllClose(vector(await value.data()), vector([golden.loss]), { relative: 1e-5 });
      expect([...gradients.keys()].sort()).toEqual(Object.keys(golden.gradients).sort());
      const layout = layoutOf(model.config);
      for (const [parameterName, [norm, along]] of Object.entries(golden.gradients)) {
        const gradient = gradients.get(parameterName) as tf.Tensor;
        const inFile = { shape: gradient.shape, values: (await gradient.data()) as Float32Array };
        const actual = figuresOf(otherLayout(layout, parameterName, inFile).values);
        // A gradient that is none in exact arithmetic (a key's bias) is rounding on either side.
        const expected = norm < 1e-6 ? [0, 0] : [norm, along];
        const limit = 1e-4 * Math.max(norm, 1e-2);
        for (const i of [0, 1]) {
          if (Math.abs(Number(actual[i]) - Number(expected[i])) > limit) {
            throw new Error(`${parameterName}: expected ${expected}, got ${actual}.`);
          }
        }
      }
      disposeBatch(batch);
      tf.dispose([value, ...gradients.values()]);
      model.dispose();
    });

    test('rewards of a score head on the same trunk', async () => {
      const model = await scalarModelFrom(dir);
      const head = parameter(model.parameters, SCORE_HEAD);
      // On the host: a GPU's own sine is good to three digits only.
      const sines = Float32Array.from({ length: head.size }, (_, i) => Math.sin(i + 1));
      tf.tidy(() => head.assign(tf.tensor(sines, head.shape)));
      const scores = await scoreSequences(model, goldens.sequences, 2);
      expectAllClose(vector(scores), vector(golden.rewards), { relative: 1e-4 });
      model.dispose();
    });
  });
});

test.each(Object.entries(goldens.ropes))('rotary frequencies: %s', async (_name, golden) => {
  await startEngine({ backend: 'wasm' });
  const sizes = { vocab_size: 8, hidden_size: 16, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 1 };
  const fields = { model_type: 'llama', ...sizes, max_position_embeddings: 64, rope_parameters: golden.parameters };
  const { rotary } = modelTables(parseModelConfig(JSON.stringify(fields), 'config.json'));
  if (rotary === null) throw new Error('There are no rotary tables.');
  for (const [table, turn] of [
    [rotary.cos, Math.cos],
    [rotary.sin, Math.sin],
  ] as const) {
    const expected = [0, 1, 5, 63].flatMap((at) => golden.frequencies.map((angle) => golden.scale * turn(at * angle)));
    const rows = tf.tidy(() => tf.gather(table, tf.tensor1d([0, 1, 5, 63], 'int32')));
    // The frequencies were rounded to float32, which position 63 makes an error of 63 · 6e-8.
    expectAllClose(await valuesOf(rows), { shape: [4, 8], data: expected }, { relative: 1e-5 });
    rows.dispose();
    table.dispose();
  }
});

const fixtureDir = (name: string) => packagePath('..', 'shared', 'fixtures', name);
for (const name of Object.keys(goldens.fixtures)) {
  if (existsSync(fixtureDir(name))) continue;
  process.stderr.write(`architectures.parity.test.ts: skipped ${name}, none at ${fixtureDir(name)}\n`);
}

describe.each(Object.entries(goldens.fixtures).filter(([name]) => existsSync(fixtureDir(name))))(
  'the pretrained model %s',
  (name, golden) => {
    test.each(backends)('logits and greedy continuation on %s', async (backend) => {
      await startEngine({ backend });
      const model = await loadModel(fixtureDir(name), 'causal-lm');
      const [logits] = await batchLogits(model, [{ ids: golden.prompt, isResponseToken: [] }]);
      const last = Array.from(logits?.data ?? []).slice(-golden.logits.data.length);
      expectAllClose({ shape: golden.logits.shape, data: last }, golden.logits, { relative: 1e-4 });
      expect(await greedy(model, [golden.prompt], golden.greedy.length)).toEqual([golden.greedy]);
      model.dispose();
    });

    if (golden.texts === undefined) return;
    test('tokens of texts', async () => {
      const tokenizer = await loadTokenizer(fixtureDir(name));
      for (const { text, ids } of golden.texts ?? []) {
        expect(tokenizer.encode(text, { addSpecialTokens: true })).toEqual(ids);
      }
    });
  },
);
