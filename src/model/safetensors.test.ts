import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FourfoldError } from '../core/errors.ts';
import { checkSafetensors, openSafetensors, readSafetensors, type TensorData } from './safetensors.ts';
import { writeSafetensors, writeTensors } from './safetensorsWriter.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-safetensors-'));
  path = join(dir, 'model.safetensors');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

interface Entry {
  dtype?: string;
  shape?: unknown;
  data_offsets?: unknown;
}

/** A file of this header and data, whether they fit or not; `headerBytes` overrides the length it claims. */
function fileOf(header: string | Record<string, Entry>, data: Uint8Array, headerBytes?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(headerBytes ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

async function read(bytes: Uint8Array): Promise<Record<string, TensorData>> {
  await writeFile(path, bytes);
  return Object.fromEntries(await readSafetensors(path));
}

/** Both readers refuse it alike. */
async function refusal(bytes: Uint8Array): Promise<FourfoldError> {
  await writeFile(path, bytes);
  const error: unknown = await readSafetensors(path).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FourfoldError)) throw new Error(`Expected a refusal; got ${error}`);
  await expect(checkSafetensors(path)).rejects.toMatchObject({ code: error.code, message: error.message });
  expect(error.message).toContain(path);
  return error;
}

describe('reading', () => {
  test('what is written comes back, bit for bit, an empty tensor and a scalar too', async () => {
    const values = Float32Array.from([1.5, -0, 3.4e38, 1e-45, Number.POSITIVE_INFINITY, Number.NaN]);
    const tensors = new Map<string, TensorData>([
      ['z.last', { shape: [2, 3], values }],
      ['a.first', { shape: [1], values: Float32Array.of(7) }],
      ['empty', { shape: [0, 4], values: new Float32Array(0) }],
      ['scalar', { shape: [], values: Float32Array.of(-2) }],
      ['名', { shape: [1], values: Float32Array.of(6) }],
    ]);
    await writeSafetensors(path, tensors);
    const back = await readSafetensors(path);
    expect([...back.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { shape, values: expected }] of tensors) {
      expect(back.get(name)?.shape).toEqual(shape);
      expect(Buffer.from(back.get(name)?.values.buffer ?? new ArrayBuffer(0))).toEqual(Buffer.from(expected.buffer));
    }
  });

  test('only the given part of a shared buffer is written', async () => {
    const values = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    await writeSafetensors(path, new Map([['x', { shape: [2], values }]]));
    expect(Array.from((await readSafetensors(path)).get('x')?.values ?? [])).toEqual([2, 3]);
  });

  test('the data begins at a multiple of eight, and the same tensors make the same file', async () => {
    const [a, b] = [1, 2].map((value) => ({ shape: [1], values: Float32Array.of(value) }));
    if (a === undefined || b === undefined) throw new Error('unreachable');
    await writeSafetensors(
      path,
      new Map([
        ['a', a],
        ['b', b],
      ]),
    );
    const first = await readFile(path);
    expect(Number(first.readBigUInt64LE()) % 8).toBe(0);
    await writeSafetensors(
      path,
      new Map([
        ['b', b],
        ['a', a],
      ]),
    );
    expect(await readFile(path)).toEqual(first);
  });

  test('half precision', async () => {
    // sign, 5 bits of exponent (bias 15), 10 of fraction: 3C00 = 1, C000 = -2, 3555 = (1 + 341/1024) / 4,
    // 0001 = 2^-24 (subnormal), 03FF = 1023 * 2^-24, 7BFF = 65504, 8000 = -0, 7C00 and FC00 infinite, 7E00 no number.
    const bits = [0x3c00, 0xc000, 0x3555, 0x0001, 0x03ff, 0x7bff, 0x8000, 0x7c00, 0xfc00, 0x7e00];
    const { x } = await read(fileOf({ x: entry('F16', [10], 0, 20) }, words(...bits)));
    expect(Array.from(x?.values ?? [])).toEqual([
      ...[1, -2, (1 + 341 / 1024) / 4, 2 ** -24, 1023 * 2 ** -24, 65504, -0],
      ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
    ]);
  });

  test('bfloat16', async () => {
    // The upper half of a float32: 3F80 = 1, C040 = -3, 3EAB = 0.333984375, 0001 = 2^-133, 7F80 infinite, 7FC0 no number.
    const { x } = await read(
      fileOf({ x: entry('BF16', [2, 3], 0, 12) }, words(0x3f80, 0xc040, 0x3eab, 0x0001, 0x7f80, 0x7fc0)),
    );
    expect(x?.shape).toEqual([2, 3]);
    expect(Array.from(x?.values ?? [])).toEqual([1, -3, 0.333984375, 2 ** -133, Number.POSITIVE_INFINITY, Number.NaN]);
  });

  test('float64 is rounded to the nearest float32', async () => {
    const { x } = await read(
      fileOf({ x: entry('F64', [3], 0, 24) }, new Uint8Array(Float64Array.of(0.1, -2, 1e300).buffer)),
    );
    expect(Array.from(x?.values ?? [])).toEqual([Math.fround(0.1), -2, Number.POSITIVE_INFINITY]);
  });

  test('tensors at odd offsets, in any order, with metadata; a format that cannot be read harms only who reads it', async () => {
    const data = Buffer.concat([Buffer.from([0]), floats(4, 5), floats(6)]);
    const header = {
      __metadata__: { format: 'pt' } as Entry,
      later: entry('F32', [1], 9, 13),
      early: entry('F32', [2], 1, 9),
      flag: entry('BOOL', [1], 0, 1),
    };
    await writeFile(path, fileOf(header, data));
    const file = await openSafetensors(path);
    const valuesOf = async (name: string) => {
      const found = file.entries.get(name);
      return found === undefined ? [] : Array.from(await file.read(found));
    };
    expect([await valuesOf('later'), await valuesOf('early')]).toEqual([[6], [4, 5]]);
    await expect(valuesOf('flag')).rejects.toMatchObject({ code: 'unsupported' });
    await file.close();
  });

  test('a tensor longer than what is decoded at a time', async () => {
    const words = Uint16Array.from({ length: 5 * 2 ** 20 }, (_, i) => (0x3f80 + (i % 128)) & 0xffff);
    const { x } = await read(
      fileOf({ x: entry('BF16', [5, 2 ** 20], 0, words.byteLength) }, new Uint8Array(words.buffer)),
    );
    // 3F80 + k is 1 + k / 128.
    expect(x?.values.every((value, i) => value === 1 + (i % 128) / 128)).toBe(true);
  });

  test('bfloat16 is written rounded to the nearest, ties to even', async () => {
    // 1 + 1/128 has the last bit set; half a step above 1 rounds to 1, half above 1 + 1/128 to 1 + 2/128.
    const given = [1, 1 + 1 / 256, 1 + 3 / 256, 1 + 1 / 256 + 2 ** -20, -0, 3.4e38, Number.NaN, 1e-45];
    await writeTensors(path, { shapes: new Map([['x', [8]]]), read: async () => Float32Array.from(given) }, 'BF16');
    expect((await readFile(path)).length % 8).toBe(0);
    const values = Array.from((await readSafetensors(path)).get('x')?.values ?? []);
    expect(values).toEqual([1, 1, 1 + 2 / 128, 1 + 1 / 128, -0, Number.POSITIVE_INFINITY, Number.NaN, 0]);
  });
});

describe('refusal', () => {
  const X = { x: entry('F32', [2], 0, 8) };

  test('no file at all', async () => {
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'not-found' });
    await expect(checkSafetensors(path)).rejects.toMatchObject({ code: 'not-found' });
    await expect(readSafetensors(dir)).rejects.toMatchObject({ code: 'storage-failed' });
  });

  test('a file cut short, at every length', async () => {
    const whole = fileOf(X, floats(1, 2));
    for (let size = whole.length - 1; size >= 0; size--) {
      await writeFile(path, whole);
      await truncate(path, size);
      await expect(readSafetensors(path)).rejects.toMatchObject({
        code: 'bad-model',
        message: expect.stringContaining(path),
      });
    }
  });

  test('a header longer than the file, before anything of its size is allocated', async () => {
    for (const claimed of [100n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      const before = process.memoryUsage().arrayBuffers;
      const error = await refusal(fileOf(X, floats(1, 2), claimed));
      expect(error).toMatchObject({ code: 'bad-model', message: expect.stringContaining('claims') });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    }
  });

  test.each([
    ['a range shorter than the shape', { x: entry('F32', [3], 0, 8) }, 'needs 12 bytes, its range has 8'],
    ['a range longer than the shape', { x: entry('F32', [1], 0, 8) }, 'needs 4 bytes, its range has 8'],
    ['a range that runs backwards', { x: entry('F32', [2], 8, 0) }, 'needs 8 bytes, its range has -8'],
    ['a range beyond the data', { x: entry('F32', [2], 4, 12) }, 'ends at byte 12 of 8'],
    ['a shape whose product is beyond all numbers', { x: entry('F32', [2 ** 53 - 1, 2 ** 53 - 1], 0, 8) }, 'needs'],
    ['a huge tensor', { x: entry('F32', [2 ** 40], 0, 2 ** 42) }, 'cut short'],
    ['overlapping ranges', { x: entry('F32', [2], 0, 8), y: entry('F32', [1], 4, 8) }, 'tensors x and y overlap'],
    ['the same range twice', { x: entry('F32', [2], 0, 8), y: entry('F32', [2], 0, 8) }, 'overlap'],
    ['bytes before the first tensor', { x: entry('F32', [1], 4, 8) }, '4 bytes between the header and x belong to no'],
    [
      'a gap',
      { x: entry('F32', [1], 0, 4), y: entry('F16', [1], 6, 8) },
      '2 bytes between x and y belong to no tensor',
    ],
    ['bytes after the last tensor', { x: entry('F32', [1], 0, 4) }, '4 bytes after x belong to no tensor'],
    ['no tensor for the data', {}, '8 bytes after the header belong to no tensor'],
    ['an empty tensor elsewhere', { ...X, y: entry('F32', [0], 2 ** 40, 2 ** 40) }, 'cut short'],
    [
      'a tensor twice',
      '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
      'names x twice',
    ],
    ['a key twice', '{"x":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}', 'names dtype twice'],
    ['metadata that is no table of texts', '{"__metadata__":{"a":1}}', 'no table of texts'],
    [
      'a shape nested without end',
      `{"x":{"dtype":"F32","shape":[${'['.repeat(20_000)}${']'.repeat(20_000)}],"data_offsets":[0,8]}}`,
      'tensor x',
    ],
    ['an unknown dtype', { x: entry('F4', [2], 0, 8) }, 'unknown dtype F4'],
    ["a dtype by an object's own name", { x: entry('toString', [2], 0, 8) }, 'unknown dtype toString'],
    ['a negative size', { x: entry('F32', [-2], 0, 8) }, 'tensor x'],
    ['a size that is no whole number', { x: entry('F32', [0.5], 0, 8) }, 'tensor x'],
    ['no shape', { x: { dtype: 'F32', data_offsets: [0, 8] } }, 'tensor x'],
    ['no offsets', { x: { dtype: 'F32', shape: [2] } }, 'tensor x'],
    ['three offsets', { x: { dtype: 'F32', shape: [2], data_offsets: [0, 4, 8] } }, 'tensor x'],
    ['a header that is no JSON', '{"x":', 'header'],
    ['a header that is a list', '[]', 'header'],
    ['a header that is null', 'null', 'header'],
    ['an empty header', '', 'header'],
    ['a header of bytes that are no UTF-8', Buffer.from([0xff, 0xfe]).toString('latin1'), 'header'],
  ])('%s', async (_name, header, message) => {
    const error = await refusal(fileOf(header, floats(1, 2)));
    expect(error.code).toBe('bad-model');
    expect(error.message).toContain(message);
  });

  test.each([
    ['I64', 8],
    ['U8', 1],
    ['BOOL', 1],
    ['F8_E4M3', 1],
  ])('%s is known but not read', async (dtype, width) => {
    await writeFile(path, fileOf({ x: entry(dtype, [8 / width], 0, 8) }, floats(1, 2)));
    expect(await checkSafetensors(path)).toHaveLength(1);
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(`tensor x is ${dtype}; expected one of F32`),
    });
  });
});
