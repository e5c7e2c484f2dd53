// Adapters through the command line: trained, used wherever a model is named, merged, exported and imported.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toJsonl } from '../../core/jsonl.ts';
import { startEngine } from '../../engine/backend.ts';
import { makeTinyModel } from '../../model/testing/tinyModel.ts';
import { type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  harness = await makeHarness();
  const shape = { vocabSize: 300, config: { layers: 1, maxPositions: 64 } };
  await makeTinyModel(at('chat'), { seed: 3, ...shape });
  await makeTinyModel(at('rewarding'), { seed: 4, head: 'scalar', ...shape });
  const lines = ['Go', 'Say it', 'On', 'Why?'].map((prompt, i) => ({
    id: `p-${i}`,
    prompt,
    demonstration: 'Yes, it is.',
  }));
  await writeFile(at('prompts.jsonl'), toJsonl([...lines, { id: 'h', prompt: 'Well', split: 'heldout' }]));
  await writeFile(at('texts.jsonl'), toJsonl([{ text: 'It is so.' }, { text: 'Why not? Go on.' }]));
  await ok('models', 'import', 'chat');
});
afterAll(() => harness.remove());

const at = (...parts: string[]) => join(harness.cwd, ...parts);
async function ok(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await harness.run(argv);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
}
const json = async (...argv: string[]) => JSON.parse(await ok(...argv, '--json'));
async function refused(...argv: string[]): Promise<string> {
  const { status, stderr } = await harness.run(argv);
  expect(status).toBe(2);
  return stderr;
}
const scoresOf = async (model: string): Promise<number[]> =>
  (await ok('score', '--model', model, '--input', 'texts.jsonl', '--backend', 'wasm', '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ logProb, reward }) => logProb ?? reward);
const TRAIN = ['--prompts', 'prompts.jsonl', '--backend', 'wasm', '--learning-rate', '0.02', '--lora-rank', '2'];

test('an adapter is trained, answers, is merged, and goes out and in again with the same figures', async () => {
  const sft = await json('sft', '--model', 'imported-1', ...TRAIN, '--epochs', '2', '--validation-fraction', '0');
  expect(sft).toMatchObject({ id: 'sft-1', parents: ['imported-1', 'prompt-set-1'], config: { loraRank: 2 } });
  const scores = await scoresOf('sft-1');
  expect(scores).not.toEqual(await scoresOf('imported-1'));
  await ok('generate', '--model', 'sft-1', '--prompt', 'Go', '--max-new-tokens', '3', '--backend', 'wasm');

  const merged = await json('models', 'merge', 'sft-1');
  expect(merged).toMatchObject({ id: 'sft-2', parents: ['sft-1'], config: { mergedFrom: 'sft-1' } });
  expect(Object.keys(merged.files)).toContain('model.safetensors');
  const close = (other: number[], tolerance: number) => {
    for (const [i, score] of scores.entries())
      expect(Math.abs((other[i] ?? Number.NaN) - score)).toBeLessThan(tolerance);
  };
  close(await scoresOf('sft-2'), 1e-4);
  expect(await refused('models', 'merge', 'sft-2')).toContain('sft-2 is a whole model: nothing to merge');

  await ok('models', 'export', 'sft-1', 'adapter');
  expect((await readdir(at('adapter'))).sort()).toEqual([
    ...['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
  ]);
  const config = JSON.parse(await readFile(at('adapter', 'adapter_config.json'), 'utf8'));
  expect(config.base_model_name_or_path).toBe(at('data', 'workspace', 'artifacts', 'model', 'imported-1'));
  expect(await scoresOf('./adapter')).toEqual(scores);
  const back = await json('models', 'import', 'adapter', '--base', 'imported-1');
  expect(back).toMatchObject({ kind: 'model', role: 'imported', parents: ['imported-1'] });
  expect(await scoresOf(back.id)).toEqual(scores);

  await ok('models', 'export', 'sft-1', 'half', '--merge', '--dtype', 'bfloat16');
  expect(JSON.parse(await readFile(at('half', 'config.json'), 'utf8')).torch_dtype).toBe('bfloat16');
  const [half, whole] = [
    await readFile(at('half', 'model.safetensors')),
    await readFile(at('chat', 'model.safetensors')),
  ];
  expect(half.length / whole.length).toBeLessThan(0.6);
  close(await scoresOf('./half'), 0.3);
  expect(await refused('models', 'export', 'sft-1', 'x', '--dtype', 'bfloat16')).toContain('Add --merge');
});

test('candidates, ppo and evaluate take adapters', async () => {
  const set = await json(
    ...['candidates', '--prompts', 'prompts.jsonl', '--models', 'sft-1,imported-1'],
    ...['--max-new-tokens', '3', '--samples-per-prompt', '1', '--backend', 'wasm'],
  );
  expect(set.versions).toEqual(['sft-1', 'imported-1']);
  const ppo = [
    '--iterations',
    '1',
    '--prompts-per-iteration',
    '2',
    '--max-new-tokens',
    '3',
    '--reward-model',
    'rewarding',
  ];
  const policy = await json('ppo', '--model', 'sft-1', ...TRAIN, ...ppo);
  expect(policy).toMatchObject({ id: 'policy-1', metrics: { kl: 0 } });
  expect(Object.keys(policy.files)).toContain('adapter_model.safetensors');
  expect(await scoresOf('policy-1')).not.toEqual(await scoresOf('sft-1'));
  const evaluated = await json(
    ...['evaluate', '--model', 'policy-1', '--reference', 'sft-1', '--prompts', 'prompts.jsonl'],
    ...['--max-new-tokens', '3', '--samples-per-prompt', '1', '--backend', 'wasm'],
  );
  expect(JSON.stringify(evaluated)).toContain('"policy-1"');
}, 60_000);

test('an option of adapters without a rank is refused, and one that does not fit', async () => {
  const start = ['sft', '--model', 'imported-1', '--prompts', 'prompts.jsonl', '--backend', 'wasm'];
  expect(await refused(...start, '--lora-alpha', '4')).toContain(
    'training without --lora-rank does not read --lora-alpha',
  );
  expect(await refused(...start, '--lora-rank', '2', '--lora-targets', 'c_attn')).toContain('c_attn fits none');
  expect(await refused('models', 'import', 'chat', '--base', 'imported-1')).toContain(
    '--base is read for an adapter only',
  );
});
