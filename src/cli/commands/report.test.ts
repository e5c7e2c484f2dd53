import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeReport } from '../../evaluate/report.ts';
import { openWorkspace } from '../../store/workspace.ts';
import { type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
let dir: string;

beforeEach(async () => {
  harness = await makeHarness();
  dir = join(harness.cwd, 'w');
});
afterEach(() => harness.remove());

const report = (...words: string[]) => harness.run(['report', '--workspace', dir, ...words]);

const storeReport = () =>
  writeReport(dir, {
    version: 1,
    title: 'Stored',
    createdAt: '2026-01-01T00:00:00.000Z',
    headline: { passed: true },
  });

describe('fourfold report', () => {
  test('draws the stored report again', async () => {
    await openWorkspace(dir);
    await storeReport();
    const output = join(harness.cwd, 'again.html');
    expect((await report('--output', output)).stdout).toBe(`${output}\n`);
    expect(await readFile(output, 'utf8')).toBe(await readFile(join(dir, 'report.html'), 'utf8'));
  });

  test('gathers one of the newest model where none is stored, without a verdict', async () => {
    const { artifacts } = await openWorkspace(dir);
    await artifacts.create(
      {
        kind: 'model',
        role: 'base',
        parents: [],
        seed: 7,
        config: {},
        engine: 'cpu',
        round: 1,
        runId: null,
        metrics: {},
      },
      (folder) => writeFile(join(folder, 'config.json'), '{}'),
    );
    const { stdout } = await report('--json');
    expect(JSON.parse(stdout)).toEqual({ data: null, page: join(dir, 'report.html'), passed: null });
    const page = await readFile(join(dir, 'report.html'), 'utf8');
    expect(page).toContain('<h1>Report of base-1</h1>');
    expect(page).not.toContain('class="stamp"');
  });

  test('of a named model leaves the report of the workspace as it is', async () => {
    const { artifacts } = await openWorkspace(dir);
    await storeReport();
    const before = await readFile(join(dir, 'report.html'), 'utf8');
    const card = { parents: [], seed: 7, config: {}, engine: 'cpu', round: 1, runId: null, metrics: {} };
    await artifacts.create<'model'>({ ...card, kind: 'model', role: 'base' }, async () => undefined);
    expect((await report('--model', 'base-1')).stdout).toBe(`${join(dir, 'report-base-1.html')}\n`);
    expect(await readFile(join(dir, 'report.html'), 'utf8')).toBe(before);
  });

  test('says what is missing, damaged or asked for twice', async () => {
    const empty = await report();
    expect([empty.status, empty.stderr]).toEqual([2, expect.stringContaining('Expected a report.json or a model')]);

    await writeFile(join(dir, 'report.json'), '{"version": 1, "tit');
    const damaged = await report();
    expect([damaged.status, damaged.stderr]).toEqual([2, expect.stringContaining('report.json: expected JSON')]);

    const both = await report('--data', 'a.json', '--model', 'base-1');
    expect([both.status, both.stderr]).toEqual([2, expect.stringContaining('Keep one')]);
  });
});
