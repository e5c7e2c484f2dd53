// Load on the labeling server: simulated annotators over HTTP on loopback, against a server in a process of its own.
// Bounded in number and time. Run after `npm run build`:
//
//   npm run bench:labeling -- --annotators 50 --think 1000 --seconds 300
//   npm run bench:labeling -- --annotators 50 --think 0 --seconds 60
//   npm run bench:labeling -- --annotators 20 --think 50 --seconds 100 --kills 20
//
// One JSON line at the end: labels a second, latencies in milliseconds, the server's memory in MiB over time, and what
// the log on the disk says: confirmed labels that are missing, labels that are there twice, items with too many raters.
// The exit status is 1 where one of these is not 0.
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomFrom, seedOf } from '../src/core/random.ts';
import { openWorkspace } from '../src/store/workspace.ts';
import { LoadServer } from './labelingLoad/loadServer.ts';
import { loadWorkspace } from './labelingLoad/loadWorkspace.ts';
import { percentile, SimulatedAnnotator } from './labelingLoad/simulatedAnnotator.ts';

/** A lead asks for all figures this often, which must keep nobody waiting. */
const LOOK_MS = 20_000;
const LIMITS = { annotators: 200, seconds: 600, items: 50_000, kills: 50 };

function numberOf(values: Record<string, string | undefined>, key: string, fallback: number, most: number): number {
  const value = Number(values[key] ?? fallback);
  if (!(value >= 0 && value <= most))
    throw new Error(`--${key}: expected a number from 0 to ${most}, got ${values[key]}.`);
  return value;
}

const string = { type: 'string' } as const;
const { values } = parseArgs({
  options: { annotators: string, think: string, seconds: string, items: string, overlap: string, kills: string },
});
const annotators = numberOf(values, 'annotators', 50, LIMITS.annotators);
const thinkMs = numberOf(values, 'think', 1000, 60_000);
const seconds = numberOf(values, 'seconds', 60, LIMITS.seconds);
const items = numberOf(values, 'items', 20_000, LIMITS.items);
const overlap = numberOf(values, 'overlap', 2, 10);
const kills = numberOf(values, 'kills', 0, LIMITS.kills);

const { dir, candidateSetId, tokens, leadToken } = await loadWorkspace({ items, annotators, overlap });
const server = new LoadServer(dir);
const memory: number[] = [];
try {
  await server.start();
  const people = tokens.map((token, i) => new SimulatedAnnotator({ server, token, thinkMs, seed: i }));
  for (const person of people) await person.signIn();
  const startedAt = Date.now();
  const deadline = startedAt + seconds * 1000;
  const watch = setInterval(() => {
    const mib = server.memoryMiB();
    if (mib !== null) memory.push(mib);
  }, 1000);
  const lead = new SimulatedAnnotator({ server, token: leadToken, thinkMs, seed: people.length });
  await lead.signIn();
  const looking = kills > 0 ? Promise.resolve() : lead.look(deadline, LOOK_MS);
  const work = Promise.all(people.map((person) => person.work(deadline)));
  const random = randomFrom(seedOf('kills', kills));
  for (let i = 0; i < kills; i++) {
    await sleep(((deadline - startedAt) / (kills + 1)) * (0.5 + random.uniform()));
    await server.kill();
    await server.start();
  }
  await work;
  await looking;
  clearInterval(watch);
  const ranFor = (Date.now() - startedAt) / 1000;
  await server.stop();

  const confirmed = people.flatMap((person) => person.confirmed);
  const records = await (await openWorkspace(dir)).judgements(candidateSetId).read();
  const times = new Map<string, number>();
  const raters = new Map<string, number>();
  for (const { id, itemId, source } of records) {
    const key = source.kind === 'human' ? `${source.annotatorId} ${itemId}` : id;
    times.set(key, (times.get(key) ?? 0) + 1);
    raters.set(itemId, (raters.get(itemId) ?? 0) + 1);
  }
  const written = new Set<string>(records.map(({ id }) => id));
  const missing = confirmed.filter((id) => !written.has(id)).length;
  const twice = [...times.values()].filter((count) => count > 1).length + (confirmed.length - new Set(confirmed).size);
  const tooMany = [...raters.values()].filter((count) => count > overlap).length;
  const errors = [...people, lead].flatMap((person) => person.errors);
  const figuresOf = (latencies: number[]) => ({
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
  });
  const part = (from: number, to: number) =>
    Math.round(percentile(memory.slice(Math.floor(memory.length * from), Math.ceil(memory.length * to)), 0.5));
  const report = {
    ...{ annotators, thinkMs, items, overlap, kills: server.kills, seconds: Math.round(ranFor) },
    labels: confirmed.length,
    labelsPerSecond: Math.round((confirmed.length / ranFor) * 10) / 10,
    nextMs: figuresOf(people.flatMap((person) => person.nextMs)),
    saveMs: figuresOf(people.flatMap((person) => person.saveMs)),
    leadMs: figuresOf(lead.nextMs),
    memoryMiB: kills > 0 ? null : { first: part(0.05, 0.25), middle: part(0.4, 0.6), last: part(0.8, 1) },
    ...{ onDisk: records.length, missing, twice, tooMany },
    errors: [...new Set(errors)].slice(0, 5),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (missing + twice + tooMany + errors.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
