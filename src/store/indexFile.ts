// The workspace's index, db.json: small facts only (cards of artefacts, annotators, schedules), through lowdb.
// Several processes may share it: a change is made under a lock file on what is on disk at that moment.
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { LowSync, type SyncAdapter } from 'lowdb';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { ROLES } from '../core/annotation/people.ts';
import { Artifact } from '../core/artifacts.ts';
import { asStorageError, FourfoldError, systemCodeOf } from '../core/errors.ts';
import { AnnotatorId, ArtifactId, ScheduleId } from '../core/ids.ts';
import { parseJson, parseWith } from '../core/jsonl.ts';

export const INDEX_VERSION = 1;
const LOCK_TIMEOUT_MS = 10_000;
const LOCK_POLL_MS = 10;

const SecretHash = z.strictObject({ salt: z.string(), digest: z.string() });
export type SecretHash = z.infer<typeof SecretHash>;

export const Annotator = z.strictObject({
  id: AnnotatorId,
  name: z.string().min(1),
  simulated: z.boolean(),
  /** scrypt hash of the personal token: salt and digest in hexadecimal. */
  tokenHash: SecretHash,
  /** The same of a password, where one was chosen. */
  passwordHash: SecretHash.optional(),
  role: z.enum(ROLES).default('annotator'),
  createdAt: z.iso.datetime(),
});
export type Annotator = z.infer<typeof Annotator>;

/** A link by which one person makes an account. Of its 256-bit secret only the SHA-256 is kept. */
export const Invitation = z.strictObject({
  id: z.string().min(1),
  role: z.enum(ROLES),
  note: z.string(),
  secretSha256: z.string(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  used: z.strictObject({ by: AnnotatorId, at: z.iso.datetime() }).nullable(),
});
export type Invitation = z.infer<typeof Invitation>;

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
  invitations: z.array(Invitation).default([]),
});
export type IndexData = z.infer<typeof IndexData>;

export interface Index {
  /** What is on disk now. */
  read(): Readonly<IndexData>;
  /** Applies one change atomically and returns what `change` returned. @throws storage-failed, conflict. */
  update<T>(change: (data: IndexData) => T): T;
}

const emptyData = (): IndexData => ({
  version: INDEX_VERSION,
  artifacts: [],
  annotators: [],
  schedules: [],
  invitations: [],
});

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw asStorageError(error, path, 'read');
  }
}

/** Changes whenever the file is replaced; empty where there is none. */
function stampOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? '' : `${stat.ino}-${stat.mtimeNs}-${stat.size}`;
  } catch (error) {
    throw asStorageError(error, path, 'read');
  }
}

/** lowdb adapter that writes a temporary file, syncs it to the disk and renames it. */
function atomicFile(path: string): SyncAdapter<IndexData> {
  return {
    read: () => {
      if (!existsSync(path)) return null;
      const data = parseJson(textOf(path), path);
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

/** The process that the lock file names, or null where it names none. */
function holderOf(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch (error) {
    // Its holder may let go of it at any moment.
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw asStorageError(error, path, 'read');
  }
}

/** Takes the lock file exclusively. @returns false where it is there already. @throws storage-failed. */
function tryCreate(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw asStorageError(error, path, 'write');
  }
  try {
    writeSync(file, String(process.pid));
  } catch (error) {
    // On a full disk the file appears but stays empty: it would lock everyone out.
    rmSync(path, { force: true });
    throw asStorageError(error, path, 'write');
  } finally {
    closeSync(file);
  }
  return true;
}

/** Removes a lock that a crash left; one process at a time, or it could be the lock that another just took. */
function removeIfStale(path: string): void {
  const isStale = () => {
    const holder = holderOf(path);
    return holder !== null && !isAlive(holder);
  };
  const guard = `${path}.stale`;
  if (!isStale() || !tryCreate(guard)) return;
  try {
    if (isStale()) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function tryLock(path: string): boolean {
  if (tryCreate(path)) return true;
  removeIfStale(path);
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
    const stamp = stampOf(path);
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
