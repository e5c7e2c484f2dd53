// Training in a process of its own that is interrupted or killed. Needs the build; without it the tests say that they skip.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toJsonl } from '../core/jsonl.ts';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';

const BIN = packagePath('bin', 'fourfold.js');
const isBuilt = existsSync(packagePath('dist', 'src', 'cli', 'main.js'));
const built = isBuilt ? test : test.skip;
if (!isBuilt) process.stderr.write('interrupt.test.ts: skipped what needs the build (npm run build)\n');

const STEPS = 120;
let dir: string;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  dir = await mkdtemp(join(tmpdir(), 'fourfold-interrupt-'));
  await makeTinyModel(join(dir, 'base'), { seed: 1 });
  const lines = Array.from({ length: 20 }, (_, i) => ({
    id: `p-${i}`,
    prompt: `Ask ${i}`,
    demonstration: `Say ${i}.`,
  }));
  await writeFile(join(dir, 'prompts.jsonl'), toJsonl(lines));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const fourfold = (workspace: string, args: string[]) => {
  const child = spawn(process.execPath, [BIN, 'sft', ...args, '--workspace', workspace, '--json'], { cwd: dir });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  const ended = once(child, 'close').then(([status, signal]) => ({ status, signal, ...written }));
  return { child, ended };
};

const TRAIN = [
  ...['--model', 'base', '--prompts', 'prompts.jsonl', '--epochs', '6', '--batch-size', '1', '--backend', 'wasm'],
  ...['--validation-fraction', '0', '--checkpoint-every', '10', '--learning-rate', '0.001', '--seed', '3'],
];

const runDir = (workspace: string) => join(dir, workspace, 'runs', 'sft-run-1');
async function stepsRecorded(workspace: string): Promise<number[]> {
  const path = join(runDir(workspace), 'metrics.jsonl');
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line).step);
}

/** Trains and sends the signal once some steps are recorded; then what the process ended with. */
async function stopped(workspace: string, signal: 'SIGINT' | 'SIGKILL', after: number) {
  const { child, ended } = fourfold(workspace, TRAIN);
  while ((await stepsRecorded(workspace)).length < after && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill(signal);
  return ended;
}

/** The weights that the run kept, the only version of its workspace. */
async function kept(workspace: string, { status, stdout, stderr }: { status: number; stdout: string; stderr: string }) {
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({ id: 'sft-1', metrics: { step: STEPS } });
  expect(await stepsRecorded(workspace)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  return readFile(join(dir, workspace, 'artifacts', 'model', 'sft-1', 'model.safetensors'));
}

built(
  'interrupted by SIGINT or killed, and resumed, the model is bitwise the one of an undisturbed run',
  async () => {
    const straight = await kept('straight', await fourfold('straight', TRAIN).ended);

    const interrupted = await stopped('interrupted', 'SIGINT', 13);
    expect(interrupted).toMatchObject({ status: 130, signal: null, stdout: '' });
    expect(interrupted.stderr).toMatch(/stopping: finishing the step and writing a checkpoint/);
    expect(interrupted.stderr).toMatch(/Stopped after step \d+ of 120; go on with --resume sft-run-1\./);
    const done = Number(/Stopped after step (\d+)/.exec(interrupted.stderr)?.[1]);
    const checkpoints = await readdir(join(runDir('interrupted'), 'checkpoints'));
    expect(checkpoints.sort().at(-1)).toBe(`step-${String(done).padStart(8, '0')}`);
    const afterInterrupt = await kept('interrupted', await fourfold('interrupted', ['--resume', 'sft-run-1']).ended);
    expect(afterInterrupt.equals(straight)).toBe(true);

    const killed = await stopped('killed', 'SIGKILL', 27);
    expect(killed).toMatchObject({ status: null, signal: 'SIGKILL', stdout: '' });
    const afterKill = await kept('killed', await fourfold('killed', ['--resume', 'sft-run-1']).ended);
    expect(afterKill.equals(straight)).toBe(true);
  },
  120_000,
);
