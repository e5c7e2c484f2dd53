import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { JsonlLog } from './jsonlLog.ts';

const Line = z.strictObject({ n: z.int(), text: z.string().optional() });
let dir: string;
let path: string;
let log: JsonlLog<typeof Line>;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-log-'));
  path = join(dir, 'sub', 'log.jsonl');
  log = new JsonlLog(path, Line);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('records come back in order; where there is no file there are none', async () => {
  expect(await log.read()).toEqual([]);
  await log.append([{ n: 1 }, { n: 2 }]);
  await log.append([{ n: 3, text: 'a\nb' }]);
  expect(await log.read()).toEqual([{ n: 1 }, { n: 2 }, { n: 3, text: 'a\nb' }]);
});

test('appends that are not waited for keep their order', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, n) => log.append([{ n }, { n }])));
  expect((await log.read()).map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, i) => Math.floor(i / 2)));
});

test.each([1, 3, 9])(
  'a last line torn %i bytes before its end is no record, and the next append is one',
  async (bytes) => {
    await log.append([{ n: 1 }]);
    await log.append([{ n: 2, text: 'é' }]);
    const whole = await readFile(path);
    await truncate(path, whole.length - bytes);
    expect(await log.read()).toEqual([{ n: 1 }]);
    await log.append([{ n: 3 }]);
    await log.append([{ n: 4 }]);
    expect(await log.read()).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  },
);

test('a malformed line in the middle is named, not passed over', async () => {
  await log.append([{ n: 1 }]);
  await appendFile(path, '{"n":"two"}\n{"n":3}\n');
  await expect(log.read()).rejects.toThrow(`${path}, line 2: `);
  await writeFile(path, '{"n":1}\nnot json\n');
  await expect(log.read()).rejects.toThrow(`${path}, line 2: expected JSON`);
});

const full = existsSync('/dev/full') ? test : test.skip;
full('a full disk is named, and the log goes on afterwards', async () => {
  await expect(new JsonlLog('/dev/full', Line).append([{ n: 1 }])).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringContaining('the disk is full'),
  });
});

test('a path below a file is named; a failed append does not stop the next', async () => {
  await writeFile(join(dir, 'sub'), '');
  await expect(log.append([{ n: 1 }])).rejects.toMatchObject({ code: 'storage-failed' });
  await rm(join(dir, 'sub'));
  await log.append([{ n: 2 }]);
  expect(await log.read()).toEqual([{ n: 2 }]);
});
