// Mutated model files by the thousand: `npm run fuzz -- [CASES] [FIRST SEED]`. Each kind runs in a process of its own with a small
// heap; a case that takes longer than LIMIT_MS is killed and told. Prints one JSON line a kind; ends with 1 where a case crashed,
// hung or took more memory than its file warrants.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fuzzerOf, KINDS, type Kind, type Outcome } from './cases.ts';

const LIMIT_MS = 10_000;
const HEAP_MB = 256;
/** Memory that a small file may take: garbage of earlier cases is in the measure. */
const BUFFER_LIMIT = 2 ** 20;

interface Told {
  seed: number;
  outcome: Outcome | null;
  rss?: number;
}

/** In the child: the cases from `first` on, each told before and after. */
async function work(kind: Kind, first: number, end: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fourfold-fuzz-'));
  const tell = (told: Told) => new Promise((done) => process.send?.(told, done));
  try {
    const fuzz = await fuzzerOf(kind, dir);
    for (let seed = first; seed < end; seed++) {
      await tell({ seed, outcome: null });
      await tell({ seed, outcome: await fuzz(seed), rss: process.resourceUsage().maxRSS * 1024 });
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Tally {
  counts: Record<string, number>;
  findings: Array<{ seed: number; what: string }>;
  slowestMs: number;
  largestBufferBytes: number;
  largestHeapBytes: number;
  peakRss: number;
}

function count(tally: Tally, seed: number, outcome: Outcome): void {
  tally.counts[outcome.result] = (tally.counts[outcome.result] ?? 0) + 1;
  tally.slowestMs = Math.max(tally.slowestMs, outcome.milliseconds);
  tally.largestBufferBytes = Math.max(tally.largestBufferBytes, outcome.bufferBytes);
  tally.largestHeapBytes = Math.max(tally.largestHeapBytes, outcome.heapBytes);
  if (outcome.crash !== undefined) tally.findings.push({ seed, what: outcome.crash });
  const warranted = BUFFER_LIMIT + 4 * outcome.fileBytes;
  if (outcome.bufferBytes > warranted)
    tally.findings.push({ seed, what: `${outcome.bufferBytes} bytes of buffers for a file of ${outcome.fileBytes}` });
}

/** Runs a child until it ends or hangs. @returns the seed to go on with */
async function watch(child: ChildProcess, first: number, end: number, tally: Tally): Promise<number> {
  let at = first;
  let isDone = true;
  let timer: NodeJS.Timeout | undefined;
  child.on('message', ({ seed, outcome, rss = 0 }: Told) => {
    clearTimeout(timer);
    at = seed;
    isDone = outcome !== null;
    if (outcome === null) timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    else count(tally, seed, outcome);
    tally.peakRss = Math.max(tally.peakRss, rss);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(timer);
  if (code === 0) return end;
  const hung = signal === 'SIGKILL' && !isDone;
  tally.findings.push({
    seed: at,
    what: hung ? `took over ${LIMIT_MS} ms` : `the process ended with ${code ?? signal}`,
  });
  return at + 1;
}

async function fuzzAll(kind: Kind, first: number, cases: number): Promise<Tally> {
  const tally: Tally = {
    counts: {},
    findings: [],
    slowestMs: 0,
    largestBufferBytes: 0,
    largestHeapBytes: 0,
    peakRss: 0,
  };
  for (let at = first; at < first + cases; ) {
    const child = fork(fileURLToPath(import.meta.url), ['--work', kind, String(at), String(first + cases)], {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
    });
    at = await watch(child, at, first + cases, tally);
  }
  return tally;
}

async function main([flag, ...rest]: string[]): Promise<void> {
  if (flag === '--work') {
    const kind = KINDS.find((known) => known === rest[0]) ?? 'safetensors';
    await work(kind, Number(rest[1]), Number(rest[2]));
    process.disconnect();
    return;
  }
  const cases = Number(flag ?? 10_000);
  const first = Number(rest[0] ?? 0);
  for (const kind of KINDS) {
    const { findings, ...tally } = await fuzzAll(kind, first, cases);
    process.stdout.write(`${JSON.stringify({ kind, cases, first, ...tally, findings: findings.length })}\n`);
    for (const { seed, what } of findings.slice(0, 20)) process.stdout.write(`  ${kind} seed ${seed}: ${what}\n`);
    if (findings.length > 0) process.exitCode = 1;
  }
}

await main(process.argv.slice(2));
