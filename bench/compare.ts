// fourfold beside the peer (TRL on PyTorch), in turns, one process a workload; the ratios go to docs/benchmarks.md.
// Run: npm run build && npm run bench:compare -- --python PATH [--shapes nano,small --rounds 5 --workloads sft,ppo
//      --backend wasm,tensorflow --threads 2 --peer-script PATH]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { packagePath } from '../src/core/packageRoot.ts';
import { type Measurement, medianOf, type Ratio, withRatios } from './ratioTable.ts';

const { values } = parseArgs({
  options: {
    shapes: { type: 'string', default: 'nano,small,stories15m' },
    workloads: { type: 'string', default: 'sft,reward,rollout,ppo' },
    rounds: { type: 'string', default: '5' },
    backend: { type: 'string', default: 'wasm' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string' },
    'peer-script': { type: 'string' },
  },
});

/** Ends with a plain message. */
function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const python =
  values.python ??
  process.env.FOURFOLD_PEER_PYTHON ??
  fail('Expected --python PATH or FOURFOLD_PEER_PYTHON: a Python with torch and trl (see the README beside the peer).');
const peerScript =
  values['peer-script'] ?? process.env.FOURFOLD_PEER_SCRIPT ?? packagePath('..', 'shared', 'peer', 'trl_bench.py');
if (!existsSync(peerScript)) fail(`Expected the peer's script at ${peerScript}; name it with --peer-script.`);

/** A program's standard output. */
function output(command: string, args: string[]): string {
  const { stdout, stderr, status, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) fail(`${command}: ${error.message}`);
  if (status !== 0) fail(`${[command, ...args].join(' ')} ended with ${status}:\n${stderr.slice(-2000)}`);
  return stdout;
}

const Line = z.looseObject({
  workload: z.string(),
  shape: z.string(),
  tokensPerSecond: z.number(),
  peakRssMiB: z.number(),
});

/** One workload in a process of its own; the one line of JSON with a peer in what it prints. */
function run(command: string, script: string, flags: string[]): Measurement {
  const line = output(command, [script, ...flags])
    .split('\n')
    .find((one) => one.startsWith('{"peer"'));
  if (line === undefined) fail(`${script}: expected a line of JSON, got none.`);
  process.stdout.write(`${line}\n`);
  return Line.parse(JSON.parse(line));
}

const VERSIONS = 'from importlib.metadata import version as v; print("PyTorch", v("torch") + ", TRL", v("trl"))';
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(packagePath('package.json'), 'utf8')));
const setting = [
  `${availableParallelism()} ${process.arch} cores`,
  `fourfold ${version}`,
  `Node ${process.versions.node}`,
  output(python, ['-c', VERSIONS]).trim(),
].join(', ');

const page = packagePath('docs', 'benchmarks.md');
const [rounds, threads, backends] = [Number(values.rounds), Number(values.threads), values.backend.split(',')];
for (const shape of values.shapes.split(',')) {
  for (const workload of values.workloads.split(',')) {
    const flags = ['--shape', shape, '--workloads', workload, '--threads', `${threads}`];
    const peers: Measurement[] = [];
    const ours = new Map<string, Measurement[]>(backends.map((backend) => [backend, []]));
    for (let round = 0; round < rounds; round++) {
      peers.push(run(python, peerScript, flags));
      const bench = packagePath('dist', 'bench', 'bench.js');
      for (const [backend, measured] of ours)
        measured.push(run(process.execPath, bench, [...flags, '--backend', backend]));
    }
    const date = new Date().toISOString().slice(0, 10);
    const ratios = [...ours].map(
      ([backend, measured]): Ratio => ({
        ...{ backend, threads, shape, workload, rounds, setting, date },
        ...{ ours: medianOf(measured), peers: medianOf(peers) },
      }),
    );
    // After every workload, so that what is measured is kept if a later one fails.
    writeFileSync(page, withRatios(existsSync(page) ? readFileSync(page, 'utf8') : '', ratios));
  }
}
