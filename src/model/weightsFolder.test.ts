import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorData } from './safetensors.ts';
import { WEIGHTS_INDEX, writeSafetensors, writeWeights } from './safetensorsWriter.ts';
import { openWeights, weightFilesIn } from './weightsFolder.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-weights-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const tensors = new Map<string, TensorData>(
  ['a', 'b', 'c', 'd'].map((name, i) => [name, { shape: [2, 2], values: new Float32Array(4).fill(i + 1) }]),
);
const source = {
  shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
  read: async (name: string) => tensors.get(name)?.values ?? new Float32Array(0),
};

async function everything(): Promise<Record<string, number[]>> {
  const weights = await openWeights(dir);
  const values: Record<string, number[]> = {};
  for (const name of weights.entries.keys()) values[name] = Array.from(await weights.read(name));
  await weights.close();
  return values;
}
const ALL = { a: [1, 1, 1, 1], b: [2, 2, 2, 2], c: [3, 3, 3, 3], d: [4, 4, 4, 4] };

test('a small model is one file, a larger one several and an index; both read alike', async () => {
  // Each tensor has 16 bytes: two of them in a file of 40.
  expect(await writeWeights(dir, source)).toEqual(['model.safetensors']);
  expect(await everything()).toEqual(ALL);
  await rm(join(dir, 'model.safetensors'));
  const files = await writeWeights(dir, source, { shardBytes: 40 });
  expect(files).toEqual(['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', WEIGHTS_INDEX]);
  expect((await readdir(dir)).sort()).toEqual([...files].sort());
  expect(JSON.parse(await readFile(join(dir, WEIGHTS_INDEX), 'utf8'))).toEqual({
    metadata: { total_size: 64 },
    weight_map: { a: files[0], b: files[0], c: files[1], d: files[1] },
  });
  expect(await weightFilesIn(dir)).toEqual(files);
  expect(await everything()).toEqual(ALL);
});

test('a tensor larger than the limit has a file of its own', async () => {
  expect(await writeWeights(dir, source, { shardBytes: 1 })).toHaveLength(5);
  expect(await everything()).toEqual(ALL);
});

test('in bfloat16 a model takes half', async () => {
  expect(await writeWeights(dir, source, { format: 'BF16', shardBytes: 40 })).toEqual(['model.safetensors']);
  expect(await everything()).toEqual(ALL);
});

describe('refusal', () => {
  const FIRST = 'model-00001-of-00002.safetensors';
  const index = (map: unknown) => writeFile(join(dir, WEIGHTS_INDEX), JSON.stringify({ weight_map: map }));

  beforeEach(() => writeWeights(dir, source, { shardBytes: 40 }));

  test.each([
    ['a tensor that its file lacks', { a: FIRST, x: FIRST }, 'bad-model', `expected x in ${FIRST}, found none`],
    ['a file that is not there', { a: 'other.safetensors' }, 'not-found', 'other.safetensors'],
    ['a path out of the folder', { a: '../x.safetensors' }, 'bad-model', 'expected the name of a safetensors file'],
    ['an absolute path', { a: '/tmp/x.safetensors' }, 'bad-model', 'expected the name of a safetensors file'],
    ['a file of another kind', { a: 'pytorch_model.bin' }, 'bad-model', 'expected the name of a safetensors file'],
    ['a number for a file', { a: 5 }, 'bad-model', 'expected text at "weight_map.a", got 5'],
    ['no map', undefined, 'bad-model', 'weight_map'],
  ])('an index with %s', async (_name, map, code, message) => {
    await index(map);
    await expect(openWeights(dir)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('a damaged second file', async () => {
    const path = join(dir, 'model-00002-of-00002.safetensors');
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    await expect(openWeights(dir)).rejects.toMatchObject({ code: 'bad-model', message: expect.stringContaining(path) });
  });

  test('pickled weights are never read, and the way out is told', async () => {
    for (const name of await readdir(dir)) await rm(join(dir, name));
    await expect(openWeights(dir)).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(join(dir, 'pytorch_model.bin'), 'x');
    const refused = {
      code: 'unsupported',
      message: expect.stringMatching(/pytorch_model\.bin.*pickled.*save_pretrained/),
    };
    await expect(openWeights(dir)).rejects.toMatchObject(refused);
    await expect(weightFilesIn(dir)).rejects.toMatchObject(refused);
    // Beside safetensors they are left aside.
    await writeSafetensors(join(dir, 'model.safetensors'), tensors);
    expect(await everything()).toEqual(ALL);
  });
});
