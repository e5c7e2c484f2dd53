import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { openIndex } from './indexFile.ts';
import { schedulesIn } from './schedules.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-index-'));
  path = join(dir, 'db.json');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const addTo = (index: ReturnType<typeof openIndex>, cron = '0 3 * * *') =>
  schedulesIn(index).add({ cron, evaluate: {} });
const idsIn = (index: ReturnType<typeof openIndex>) => index.read().schedules.map((schedule) => schedule.id);

test('two openings see and keep what the other wrote', () => {
  const [one, two] = [openIndex(path), openIndex(path)];
  addTo(one);
  addTo(two);
  addTo(one);
  expect(idsIn(two)).toEqual(['schedule-1', 'schedule-2', 'schedule-3']);
  expect(idsIn(openIndex(path))).toEqual(idsIn(one));
});

test('a change that throws changes nothing', () => {
  const index = openIndex(path);
  addTo(index);
  const spoil = () =>
    index.update((data) => {
      data.schedules = [];
      throw new Error('no');
    });
  expect(spoil).toThrow('no');
  expect(idsIn(index)).toEqual(['schedule-1']);
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test('a change waits for the lock of a living process', async () => {
  const holder = spawn(process.execPath, ['-e', HOLD_LOCK, `${path}.lock`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(holder, 'close');
  await once(holder.stdout, 'data');
  const start = Date.now();
  addTo(openIndex(path));
  // The other process holds the lock for 300 ms from when it said so.
  expect(Date.now() - start).toBeGreaterThan(150);
  await closed;
});
const HOLD_LOCK = `
  const fs = require('node:fs');
  fs.writeFileSync(process.argv[1], String(process.pid), { flag: 'wx' });
  console.log('held');
  setTimeout(() => fs.rmSync(process.argv[1]), 300);`;

test('a lock that a crash left is taken over', async () => {
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'close');
  await writeFile(`${path}.lock`, String(gone.pid));
  addTo(openIndex(path));
  expect(await readdir(dir)).toEqual(['db.json']);
});

test('a file where the folder should be is named, with the remedy', () => {
  const below = () => addTo(openIndex(join(packagePath('package.json'), 'db.json')));
  expect(below).toThrow(expect.objectContaining({ code: 'storage-failed' }));
});

test('a spoilt index is an error that names the file, never an empty one', async () => {
  await writeFile(path, '{"version":1,');
  expect(() => openIndex(path)).toThrow(`${path}: expected JSON`);
  await writeFile(path, '{"version":99}');
  expect(() => openIndex(path)).toThrow('Use a newer fourfold');
  await writeFile(path, '{"version":1,"artifacts":[]}');
  expect(() => openIndex(path)).toThrow(path);
});

const BIN = packagePath('bin', 'fourfold.js');
const isBuilt = existsSync(packagePath('dist', 'src', 'cli', 'main.js'));
const built = isBuilt && process.platform === 'linux' ? test : test.skip;
if (!isBuilt) process.stderr.write('indexFile.test.ts: skipped what needs the build (npm run build)\n');

const fourfold = (shell: string) => spawn('sh', ['-c', `${shell} exec "$0" "$@"`, process.execPath, BIN, ...ADD(dir)]);
let added = 0;
const ADD = (workspace: string) => ['annotators', 'add', `ann-${++added}`, '--workspace', workspace];

built('processes that change the index at the same time lose nothing', async () => {
  const children = Array.from({ length: 6 }, () => fourfold(''));
  const statuses = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0]));
  expect(statuses).toEqual([0, 0, 0, 0, 0, 0]);
  expect(openIndex(path).read().annotators).toHaveLength(6);
});

built('a disk that takes no more is named, loses nothing and locks nobody out', async () => {
  addTo(openIndex(path));
  const before = await readFile(path, 'utf8');
  // A limit of zero on file sizes fails every write, as a full disk does.
  const child = fourfold('ulimit -f 0;');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  expect({ status, stderr }).toMatchObject({ status: 74, stderr: expect.stringContaining(`Could not write ${path}`) });
  expect(await readFile(path, 'utf8')).toBe(before);
  expect(await readdir(dir)).toEqual(['db.json']);
  addTo(openIndex(path));
});

test('an index behind a folder of its name says so', async () => {
  await mkdir(path);
  expect(() => openIndex(path)).toThrow(expect.objectContaining({ code: 'storage-failed' }));
});
