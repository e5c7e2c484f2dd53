import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Run, runsIn } from './runs.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-runs-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const save = (run: Run, step: number, text = String(step)) =>
  run.saveCheckpoint(step, (into) => writeFile(join(into, 'state'), text));
const stateOf = async (run: Run) => {
  const latest = await run.latestCheckpoint();
  return latest === null ? null : [latest.step, await readFile(join(latest.dir, 'state'), 'utf8')];
};

test('a run keeps its resolved configuration and opens again', async () => {
  const run = await runsIn(dir).create('sft', { steps: 3 });
  expect(run.id).toBe('sft-run-1');
  await run.metrics.append([{ step: 1, loss: 0.5 }]);
  const again = await runsIn(dir).open(run.id);
  expect([again.command, again.config]).toEqual(['sft', { steps: 3 }]);
  expect(await again.metrics.read()).toEqual([{ step: 1, loss: 0.5 }]);
  expect(await again.latestCheckpoint()).toBeNull();
});

test('runs made at the same time get ids of their own', async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => runsIn(dir).create('ppo', {})));
  expect(new Set(made.map((run) => run.id)).size).toBe(5);
  expect(await runsIn(dir).list()).toHaveLength(5);
});

test('an unknown run is refused with those known', async () => {
  await runsIn(dir).create('sft', {});
  await expect(runsIn(dir).open('sft-run-2')).rejects.toThrow('Known: sft-run-1');
  await expect(runsIn(dir).open('../x')).rejects.toMatchObject({ code: 'not-found' });
});

describe('checkpoints', () => {
  let run: Run;
  beforeEach(async () => {
    run = await runsIn(dir).create('sft', {});
  });

  test('the newest counts and the two newest are kept', async () => {
    for (const step of [5, 10, 100]) await save(run, step);
    expect(await stateOf(run)).toEqual([100, '100']);
    expect(await readdir(join(run.dir, 'checkpoints'))).toEqual(['step-00000010', 'step-00000100']);
  });

  test('one that fails half way leaves the one before', async () => {
    await save(run, 1);
    const failing = run.saveCheckpoint(2, async (into) => {
      await writeFile(join(into, 'state'), 'half');
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    await expect(failing).rejects.toMatchObject({ code: 'storage-failed' });
    expect(await stateOf(run)).toEqual([1, '1']);
    expect(await readdir(join(run.dir, 'checkpoints'))).toEqual(['step-00000001']);
  });

  test('what a crash left half written is not taken for one, nor mixed into the next', async () => {
    await save(run, 1);
    const partial = join(run.dir, 'checkpoints', 'step-00000002.partial');
    await mkdir(partial);
    await writeFile(join(partial, 'old'), 'half');
    expect(await stateOf(run)).toEqual([1, '1']);
    await save(run, 2);
    expect(await readdir(join(run.dir, 'checkpoints', 'step-00000002'))).toEqual(['state']);
  });

  test('the same step may be written again', async () => {
    await save(run, 3, 'first');
    await save(run, 3, 'second');
    expect(await stateOf(run)).toEqual([3, 'second']);
  });
});
