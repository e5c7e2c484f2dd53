import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import { loadModel } from './model.ts';
import { writeWhole } from './wholeFolder.ts';

beforeAll(async () => {
  await startEngine({ backend: 'cpu' });
});

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-layout-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test.each([
  ['llama-3', 'num_hidden_layers', 'model.layers.1.'],
  ['gpt2', 'n_layer', 'transformer.h.1.'],
])('%s: weights of more layers than config.json counts are refused, never cut', async (name, field, layer) => {
  await cp(packagePath('data', 'goldens', 'architectures', name), dir, { recursive: true });
  const path = join(dir, 'config.json');
  const { layer_types: _types, ...config } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...config, [field]: 1 }));
  const refusal = { code: 'bad-model', message: expect.stringContaining(`config.json counts, got ${layer}`) };
  await expect(loadModel(dir)).rejects.toMatchObject(refusal);
  await expect(loadModel(dir, 'causal-lm', { quantization: 'int8' })).rejects.toMatchObject(refusal);
  const tokens = { bosId: null, eosId: null, padId: null };
  await expect(writeWhole(join(dir, 'out'), dir, { tokens, dtype: 'float32' })).rejects.toMatchObject(refusal);
});
