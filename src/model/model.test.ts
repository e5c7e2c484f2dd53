import { existsSync } from 'node:fs';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { generate } from '../generate/generate.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { loadModel } from './model.ts';

const STORIES = packagePath('..', 'shared', 'fixtures', 'stories260K');
const GREEDY = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 60 };

const ifStories = existsSync(STORIES) ? test : test.skip;

beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
});

ifStories('a pretrained model tells its story, greedy from its beginning-of-sequence token', async () => {
  const tokenizer = await loadTokenizer(STORIES);
  const model = await loadModel(STORIES);
  const before = tf.memory().numTensors;
  const promptIds = tokenizer.encode('', { addSpecialTokens: true });
  const [result] = await generate(model, [{ promptIds, seed: 1 }], {
    sampling: GREEDY,
    stopIds: [tokenizer.eosId ?? -1],
  });
  expect(tokenizer.decode(result?.tokenIds ?? [])).toContain(
    'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball.',
  );
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});
