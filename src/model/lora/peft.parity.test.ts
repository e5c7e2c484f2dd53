// Adapters beside PEFT (data/goldens/make_lora_goldens.py): logits and rewards of adapters that PEFT trained, to 1e-5, and
// PEFT's of adapters written here, where FOURFOLD_PYTHON names a Python with peft.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packagePath } from '../../core/packageRoot.ts';
import { AdamW } from '../../engine/adamW.ts';
import { startEngine } from '../../engine/backend.ts';
import { valueAndGradients } from '../../engine/gradients.ts';
import * as tf from '../../engine/tf.ts';
import { mergedModel } from '../adapted.ts';
import { disposeBatch, makeBatch } from '../batch.ts';
import { logitsOf, responseLogProbs, sequenceScores } from '../heads.ts';
import { loadModel, type Model, type ModelHead, saveModel } from '../model.ts';
import { TINY_TOKENS } from '../testing/tinyModel.ts';
import { transformer } from '../transformer.ts';
import { loadTrainable } from './trainable.ts';

interface Goldens {
  sequences: number[][];
  adapters: Record<string, { base: string; outputs: number[][] }>;
}
const goldens: Goldens = JSON.parse(await readFile(packagePath('data', 'goldens', 'lora.json'), 'utf8'));
const python = process.env.FOURFOLD_PYTHON;
if (python === undefined) process.stderr.write('peft.parity.test.ts: skipped what PEFT loads (set FOURFOLD_PYTHON)\n');

beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
});

/** Logits of every position of a language model, or the reward, flat. */
async function outputs(model: Model, ids: number[]): Promise<number[]> {
  const batch = makeBatch([{ ids, isResponseToken: ids.map(() => false) }], model.config.maxPositions);
  const tensor = tf.tidy(() =>
    model.head === 'scalar' ? sequenceScores(model, batch) : logitsOf(model, transformer(model, batch).hidden),
  );
  const values = Array.from(await tensor.data());
  tensor.dispose();
  disposeBatch(batch);
  return values;
}

/** Largest difference, relative to the largest value. */
function difference(actual: number[], expected: number[]): number {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)))) / scale;
}

describe.each(Object.entries(goldens.adapters))(
  'an adapter that PEFT trained: %s',
  (name, { base, outputs: expected }) => {
    const dir = packagePath('data', 'goldens', 'lora', name);
    let model: Model;
    beforeAll(async () => {
      model = await loadModel(dir);
    });
    afterAll(() => model.dispose());

    test('gives the same outputs, which are not those of its base', async () => {
      const plain = await loadModel(packagePath('data', 'goldens', ...base.split('/')));
      for (const [i, ids] of goldens.sequences.entries()) {
        expect(difference(await outputs(model, ids), expected[i] ?? [])).toBeLessThan(1e-5);
        expect(difference(await outputs(plain, ids), expected[i] ?? [])).toBeGreaterThan(1e-3);
      }
      plain.dispose();
    });

    test('merged, gives them too', async () => {
      const merged = mergedModel(model);
      for (const [i, ids] of goldens.sequences.entries())
        expect(difference(await outputs(merged, ids), expected[i] ?? [])).toBeLessThan(1e-5);
      merged.dispose();
    });
  },
);

const ofPython = python === undefined ? describe.skip : describe;
ofPython('an adapter that was trained here', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fourfold-peft-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** Some steps on a sequence, so that everything that is trained has moved. */
  function train(model: Model, ids: number[]): void {
    const optimizer = new AdamW({ learningRate: 0.05 });
    const sequence = { ids, isResponseToken: ids.map((_, at) => at > 0) };
    for (let step = 0; step < 3; step++) {
      const { value, gradients } = valueAndGradients(model.trained, () =>
        tf.tidy(() => {
          const batch = makeBatch([sequence], model.config.maxPositions);
          if (model.head === 'scalar') return tf.square(tf.sub(tf.sum(sequenceScores(model, batch)), 1)) as tf.Scalar;
          return tf.neg(tf.sum(responseLogProbs(model, batch).logProbs)) as tf.Scalar;
        }),
      );
      optimizer.step(model.trained, gradients);
      tf.dispose([value, ...gradients.values()]);
    }
    optimizer.dispose();
  }

  const CASES: Array<[string, ModelHead, string[] | null, boolean]> = [
    ['llamas/tied', 'causal-lm', null, false],
    ['llamas/untied', 'causal-lm', ['.*layers\\.0.*(q|up)_proj'], true],
    ['architectures/gpt2', 'causal-lm', null, false],
    ['architectures/phi3', 'causal-lm', ['qkv_proj', 'down_proj'], false],
    ['llamas/tied', 'scalar', ['q_proj', 'v_proj'], false],
  ];
  test.each(CASES)(
    'loads in PEFT with the same outputs: %s, %s, %j, rslora %s',
    async (base, head, targets, usesRslora) => {
      const baseDir = packagePath('data', 'goldens', ...base.split('/'));
      const [ids = []] = goldens.sequences;
      const lora = { rank: 3, alpha: 5, targets, dropout: 0, usesRslora };
      const model = await loadTrainable(baseDir, { head, lora, seed: 4 });
      train(model, ids);
      const mine = await outputs(model, ids);
      await mkdir(join(dir, 'adapter'));
      await saveModel(join(dir, 'adapter'), model, TINY_TOKENS);
      model.dispose();
      const { stdout } = await promisify(execFile)(
        python ?? '',
        [
          ...[packagePath('data', 'goldens', 'make_lora_goldens.py'), '--check', join(dir, 'adapter')],
          ...['--base', baseDir, '--ids', ids.join()],
        ],
        { maxBuffer: 2 ** 26 },
      );
      const found = JSON.parse(stdout) as Record<'unexpected' | 'missing', string[]> &
        Record<'logits' | 'merged', number[]>;
      expect([found.unexpected, found.missing]).toEqual([[], []]);
      const [direct, merged] = [difference(mine, found.logits), difference(mine, found.merged)];
      process.stderr.write(
        `${base} ${head}: ${direct.toExponential(1)} from PEFT, ${merged.toExponential(1)} merged\n`,
      );
      expect(Math.max(direct, merged)).toBeLessThan(1e-5);
    },
    120_000,
  );
});
