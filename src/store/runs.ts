// Runs: the folder of one piece of long work, with its resolved configuration, metrics and checkpoints.
// A checkpoint is written aside and renamed, so the newest one present is always whole.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { asStorageError, FourfoldError, systemCodeOf } from '../core/errors.ts';
import { RunId } from '../core/ids.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import { JsonlLog } from './jsonlLog.ts';
import { syncFiles } from './syncFiles.ts';

/** One line of metrics: a step and figures by name. */
export const Metrics = z.looseObject({ step: z.int() }).catchall(z.union([z.number(), z.string(), z.null()]));
export type Metrics = z.infer<typeof Metrics>;

const RunCard = z.strictObject({
  id: RunId,
  command: z.string(),
  config: z.record(z.string(), z.unknown()),
  createdAt: z.iso.datetime(),
});

export interface Run {
  readonly id: RunId;
  readonly dir: string;
  readonly command: string;
  readonly config: Record<string, unknown>;
  readonly metrics: JsonlLog<typeof Metrics>;
  /** Writes a checkpoint of `step`; the two newest are kept. */
  saveCheckpoint(step: number, write: (dir: string) => Promise<void>): Promise<void>;
  /** The newest whole checkpoint, or null. */
  latestCheckpoint(): Promise<{ step: number; dir: string } | null>;
}

export interface Runs {
  create(command: string, config: Record<string, unknown>): Promise<Run>;
  /** @throws not-found. */
  open(id: string): Promise<Run>;
  /** Oldest first. */
  list(): Promise<RunId[]>;
}

const KEPT_CHECKPOINTS = 2;
const CHECKPOINT = /^step-(\d{8})$/;

async function checkpointSteps(dir: string): Promise<number[]> {
  try {
    const names = await readdir(dir);
    return names
      .flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw asStorageError(error, dir, 'read');
  }
}

function runIn(dir: string, card: z.infer<typeof RunCard>): Run {
  const checkpoints = join(dir, 'checkpoints');
  const pathOf = (step: number) => join(checkpoints, `step-${String(step).padStart(8, '0')}`);
  return {
    id: card.id,
    dir,
    command: card.command,
    config: card.config,
    metrics: new JsonlLog(join(dir, 'metrics.jsonl'), Metrics),
    async saveCheckpoint(step, write) {
      const path = pathOf(step);
      const partial = `${path}.partial`;
      try {
        await rm(partial, { recursive: true, force: true });
        await mkdir(partial, { recursive: true });
        await write(partial);
        await syncFiles(partial);
        await rm(path, { recursive: true, force: true });
        await rename(partial, path);
        const old = (await checkpointSteps(checkpoints)).slice(0, -KEPT_CHECKPOINTS);
        for (const step of old) await rm(pathOf(step), { recursive: true, force: true });
      } catch (error) {
        await rm(partial, { recursive: true, force: true }).catch(() => undefined);
        throw asStorageError(error, partial, 'write');
      }
    },
    async latestCheckpoint() {
      const step = (await checkpointSteps(checkpoints)).at(-1);
      return step === undefined ? null : { step, dir: pathOf(step) };
    },
  };
}

export function runsIn(root: string): Runs {
  const folder = join(root, 'runs');
  const list = async () => {
    try {
      const names = await readdir(folder);
      const numberOf = (name: string) => Number(name.split('-').at(-1));
      return names
        .filter((name) => existsSync(join(folder, name, 'config.json')))
        .sort((a, b) => numberOf(a) - numberOf(b))
        .map((name) => RunId.parse(name));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw asStorageError(error, folder, 'read');
    }
  };
  return {
    list,
    async create(command, config) {
      try {
        await mkdir(folder, { recursive: true });
        for (let number = (await readdir(folder)).length + 1; ; number++) {
          const id = RunId.parse(`${command}-run-${number}`);
          try {
            await mkdir(join(folder, id));
          } catch (error) {
            if (systemCodeOf(error) === 'EEXIST') continue;
            throw error;
          }
          const card = { id, command, config, createdAt: new Date().toISOString() };
          await writeFileAtomic(join(folder, id, 'config.json'), `${JSON.stringify(card, null, 2)}\n`);
          return runIn(join(folder, id), card);
        }
      } catch (error) {
        throw asStorageError(error, folder, 'write');
      }
    },
    async open(id) {
      const dir = join(folder, id);
      if (!RunId.safeParse(id).success || !existsSync(join(dir, 'config.json'))) {
        const known = (await list()).slice(-8).join(', ');
        throw new FourfoldError(
          'not-found',
          `Expected a run's id, got ${id}. Known: ${known === '' ? 'none' : known}.`,
        );
      }
      const path = join(dir, 'config.json');
      return runIn(dir, parseWith(RunCard, parseJson(await readTextFile(path), path), path));
    },
  };
}
