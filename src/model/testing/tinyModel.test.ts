import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../../engine/backend.ts';
import * as tf from '../../engine/tf.ts';
import { loadTokenizer } from '../../tokens/tokenizer.ts';
import { loadModel } from '../model.ts';
import { makeTinyModel, TINY_TOKENS } from './tinyModel.ts';

let dir: string;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  dir = await mkdtemp(join(tmpdir(), 'fourfold-tiny-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test.each([
  { vocabSize: 320, head: 'causal-lm' },
  { vocabSize: 262, head: 'causal-lm' },
  { vocabSize: 300, head: 'scalar' },
] as const)('a tiny model of %o loads with its tokenizer and leaves no tensor', async (options) => {
  const before = tf.memory().numTensors;
  const folder = join(dir, `${options.head}-${options.vocabSize}`);
  await makeTinyModel(folder, { seed: 7, ...options });
  expect(tf.memory().numTensors).toBe(before);
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer).toMatchObject({ ...TINY_TOKENS, vocabSize: options.vocabSize });
  const ids = tokenizer.encode('The cat sat. 什么?', { addSpecialTokens: true });
  expect(Math.max(...ids)).toBeLessThan(options.vocabSize);
  expect(tokenizer.decode(ids)).toBe('The cat sat. 什么?');
  const model = await loadModel(folder, options.head);
  expect(model.config.vocab).toBe(options.vocabSize);
  model.dispose();
});
