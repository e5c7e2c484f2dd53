// The workspace's index, db.json: small facts only (cards of artefacts, annotators, schedules), through lowdb.
// Several processes may share it: a change is made under a lock file on what is on disk at that moment.
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { LowSync, type SyncAdapter } from 'lowdb';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { Artifact } from '../core/artifacts.ts';
import { asStorageError, FourfoldError, systemCodeOf } from '../core/errors.ts';
import { AnnotatorId, ArtifactId, ScheduleId } from '../core/ids.ts';
import { parseJson, parseWith } from '../core/jsonl.ts';

export const INDEX_VERSION = 1;
const LOCK_TIMEOUT_MS = 10_000;
const LOCK_POLL_MS = 10;

export const Annotator = z.strictObject({
  id: AnnotatorId,
  name: z.string().min(1),
  simulated: z.boolean(),
  /** scrypt hash of the personal token: salt and digest in hexadecimal. */
  tokenHash: z.strictObject({ salt: z.string(), digest: z.string() }),
  createdAt: z.iso.datetime(),
});
export type Annotator = z.infer<typeof Annotator>;

export const Schedule = z.strictObject({
  id: ScheduleId,
  /** Five-field cron expression. */
  cron: z.string().min(1),
  /** Options of the evaluation that is run at each firing. */
  evaluate: z.record(z.string(), z.unknown()),
  createdAt: z.iso.datetime(),
  history: z.array(
    z.strictObject({
      startedAt: z.iso.datetime(),
      finishedAt: z.iso.datetime(),
      evaluationId: ArtifactId.nullable(),
      error: z.string().nullable(),
    }),
  ),
});
export type Schedule = z.infer<typeof Schedule>;

const IndexData = z.strictObject({
  version: z.literal(INDEX_VERSION),
  artifacts: z.array(Artifact),
  annotators: z.array(Annotator),
  schedules: z.array(Schedule),
});
export type IndexData = z.infer<typeof IndexData>;

export interface Index {
  /** What is on disk now. */
  read(): Readonly<IndexData>;
  /** Applies one change atomically and returns what `change` returned. @throws storage-failed, conflict. */
  update<T>(change: (data: IndexData) => T): T;
}

const emptyData = (): IndexData => ({ version: INDEX_VERSION, artifacts: [], annotators: [], schedules: [] });

/** lowdb adapter that writes a temporary file, syncs it to the disk and renames it. */
function atomicFile(path: string): SyncAdapter<IndexData> {
  return {
    read: () => {
      if (!existsSync(path)) return null;
      const data = parseJson(readFileSync(path, 'utf8'), path);
      const version = z.looseObject({ version: z.number() }).safeParse(data);
      if (version.success && version.data.version > INDEX_VERSION) {
        throw new FourfoldError(
          'unsupported',
          `${path}: expected index version ${INDEX_VERSION} or older, got ${version.data.version}. Use a newer fourfold.`,
        );
      }
      return parseWith(IndexData, data, path);
    },
    write: (data) => {
      try {
        writeFileAtomic.sync(path, `${JSON.stringify(data, null, 1)}\n`, { fsync: true });
      } catch (error) {
        throw asStorageError(error, path, 'write');
      }
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

function tryLock(path: string): boolean {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw asStorageError(error, path, 'write');
  }
  // A lock whose process is gone was left by a crash.
  const holder = Number(existsSync(path) ? readFileSync(path, 'utf8') : Number.NaN);
  if (Number.isInteger(holder) && holder > 0 && !isAlive(holder)) rmSync(path, { force: true });
  return false;
}

function withLock<T>(path: string, work: () => T): T {
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  while (!tryLock(path)) {
    if (Date.now() > deadline) {
      throw new FourfoldError(
        'conflict',
        `${path} is held by another process for over ${LOCK_TIMEOUT_MS / 1000} s. Stop it, or remove the file.`,
      );
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
  }
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Opens the index at `path`; the file appears with the first change. @throws bad-input, unsupported. */
export function openIndex(path: string): Index {
  const db = new LowSync<IndexData>(atomicFile(path), emptyData());
  let seen = '';
  const refresh = () => {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    const stamp = stat === undefined ? '' : `${stat.ino}-${stat.mtimeNs}-${stat.size}`;
    if (stamp === seen) return;
    db.data = emptyData();
    db.read();
    seen = stamp;
  };
  refresh();
  return {
    read: () => {
      refresh();
      return db.data;
    },
    update: (change) =>
      withLock(`${path}.lock`, () => {
        refresh();
        const draft = structuredClone(db.data);
        const result = change(draft);
        db.data = draft;
        // Whatever happens to the write, the next read starts from the disk.
        seen = 'unknown';
        db.write();
        return result;
      }),
  };
}
