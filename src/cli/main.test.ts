// The built program in a process of its own. `npm test` builds first; without a build these tests say that they skip.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packagePath } from '../core/packageRoot.ts';

const BIN = packagePath('bin', 'fourfold.js');
const TABLE = packagePath('dist', 'src', 'cli', 'commandTable.js');
const isBuilt = existsSync(packagePath('dist', 'src', 'cli', 'main.js')) && existsSync(TABLE);
const built = isBuilt ? test : test.skip;
if (!isBuilt) process.stderr.write('main.test.ts: skipped what needs the build (npm run build)\n');

const HEAVY = ['@tensorflow/', 'fastify', 'echarts', 'mathjs', 'ai', '@ai-sdk/', 'croner', '@huggingface/'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fourfold-main-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function node(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...env } });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text;
  });
  const [status] = await once(child, 'close');
  return { status, ...written };
}

/** Every script that a process loaded, as V8's coverage lists them. */
async function loadedBy(args: string[]): Promise<string[]> {
  const coverage = join(folder, 'coverage');
  const { status, stderr } = await node(args, { NODE_V8_COVERAGE: coverage });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const files = await readdir(coverage);
  const reports = await Promise.all(files.map((name) => readFile(join(coverage, name), 'utf8')));
  return reports.flatMap((text) => JSON.parse(text).result.map((script: { url: string }) => script.url));
}

const heavyOf = (urls: string[]) =>
  urls.filter((url) => HEAVY.some((name) => url.includes(`/node_modules/${name.endsWith('/') ? name : `${name}/`}`)));

built('--help loads no command and no heavy package', async () => {
  const urls = await loadedBy([BIN, '--help']);
  expect(urls.some((url) => url.includes('/node_modules/yargs/'))).toBe(true);
  expect(urls.filter((url) => url.includes('/cli/commands/') || url.includes('/node_modules/zod/'))).toEqual([]);
  expect(heavyOf(urls)).toEqual([]);
});

built("a command's own file loads no heavy package before it runs", async () => {
  const script = `const { COMMAND_TABLE } = await import(${JSON.stringify(pathToFileURL(TABLE).href)});
    for (const entry of COMMAND_TABLE) await entry.load();`;
  const urls = await loadedBy(['--input-type=module', '-e', script]);
  expect(urls.some((url) => url.includes('/cli/commands/'))).toBe(true);
  expect(heavyOf(urls)).toEqual([]);
});

built('the exit status, standard output and standard error are the process its own', async () => {
  expect(await node([BIN, '--version'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  expect(await node([BIN, 'modles'])).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('models'),
  });
});

built('a reader that goes away is no fault', async () => {
  const child = spawn(process.execPath, [BIN, '--help'], { cwd: folder });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
