// There and back: each architecture is loaded, trained one step, saved, and loaded by Hugging Face transformers
// (data/goldens/check_saved_models.py), as a language model and as a reward model. Needs a Python with torch and
// transformers, named by FOURFOLD_PYTHON.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packagePath } from '../core/packageRoot.ts';
import { AdamW } from '../engine/adamW.ts';
import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import * as tf from '../engine/tf.ts';
import { type Batch, disposeBatch, makeBatch } from './batch.ts';
import { logitsOf, responseLogProbs, sequenceScores } from './heads.ts';
import { loadModel, type Model, saveModel, scalarModelFrom } from './model.ts';
import { parameter, SCORE_HEAD } from './parameters.ts';
import { transformer } from './transformer.ts';

const MODELS = packagePath('data', 'goldens', 'architectures');
const SCRIPT = packagePath('data', 'goldens', 'check_saved_models.py');
const SEQUENCES = [
  [5, 17, 3, 38, 41, 2, 60, 33, 9, 12, 50],
  [9, 9, 33, 20, 7],
].map((ids) => ({ ids, isResponseToken: ids.map((_, at) => at > 1) }));
const python = process.env.FOURFOLD_PYTHON;
if (python === undefined) {
  process.stderr.write('roundTrip.parity.test.ts: skipped what transformers loads (set FOURFOLD_PYTHON)\n');
}

/** One step down the loss, large enough to change the outputs. */
function trainOneStep(model: Model, batch: Batch, loss: () => tf.Scalar): void {
  const { value, gradients } = valueAndGradients(model.parameters, loss);
  const optimizer = new AdamW({ learningRate: 0.01 });
  optimizer.step(model.parameters, gradients);
  optimizer.dispose();
  disposeBatch(batch);
  tf.dispose([value, ...gradients.values()]);
}

/** Saves the model with what it computes from each sequence. */
async function save(dir: string, model: Model): Promise<void> {
  await mkdir(dir);
  await saveModel(dir, model, { bosId: 0, eosId: 1, padId: 0 });
  const outputs: number[][] = [];
  for (const sequence of SEQUENCES) {
    const batch = makeBatch([sequence], model.config.maxPositions);
    const output = tf.tidy(() =>
      model.head === 'scalar' ? sequenceScores(model, batch) : logitsOf(model, transformer(model, batch).hidden),
    );
    outputs.push(Array.from(await output.data()));
    output.dispose();
    disposeBatch(batch);
  }
  await writeFile(join(dir, 'expected.json'), JSON.stringify({ ids: SEQUENCES.map(({ ids }) => ids), outputs }));
}

async function trainedLanguageModel(from: string, to: string): Promise<void> {
  const model = await loadModel(from, 'causal-lm');
  const batch = makeBatch(SEQUENCES, model.config.maxPositions);
  trainOneStep(model, batch, () => tf.neg(tf.mean(responseLogProbs(model, batch).logProbs)));
  await save(to, model);
  model.dispose();
}

async function trainedRewardModel(from: string, to: string): Promise<void> {
  const model = await scalarModelFrom(from);
  const head = parameter(model.parameters, SCORE_HEAD);
  tf.tidy(() =>
    head.assign(
      tf.tensor(
        Array.from({ length: head.size }, (_, i) => Math.sin(i + 1)),
        head.shape,
      ),
    ),
  );
  const batch = makeBatch(SEQUENCES, model.config.maxPositions);
  trainOneStep(model, batch, () => tf.sum(tf.square(sequenceScores(model, batch))));
  await save(to, model);
  model.dispose();
}

(python === undefined ? test.skip : test)(
  'transformers computes the same logits and rewards from what was saved, to 1e-5',
  async () => {
    await startEngine({ backend: 'wasm' });
    const dir = await mkdtemp(join(tmpdir(), 'fourfold-round-trip-'));
    try {
      const names = await readdir(MODELS);
      for (const name of names) {
        await trainedLanguageModel(join(MODELS, name), join(dir, name));
        await trainedRewardModel(join(MODELS, name), join(dir, `${name}-reward`));
      }
      const { stdout } = await promisify(execFile)(python ?? '', [SCRIPT, dir], { maxBuffer: 2 ** 24 });
      const results: { folder: string; difference: number }[] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(results.map(({ folder }) => folder).sort()).toEqual(
        names.flatMap((name) => [name, `${name}-reward`]).sort(),
      );
      for (const { difference } of results) expect(difference).toBeLessThan(1e-5);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
  120_000,
);
