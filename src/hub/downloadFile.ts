// One file of the hub into the cache: goes on where a partial file ends, asks again when the connection breaks, and keeps
// the file only if its checksum is the one that the hub names. (@huggingface/hub's own downloadFileToCacheDir starts over
// each time and checks nothing.)
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FourfoldError, systemCodeOf } from '../core/errors.ts';
import { HubReply, isPassing } from './hubErrors.ts';

export interface RemoteFile {
  path: string;
  size: number;
  /** Of a large file its SHA-256; of a small one git's SHA-1 of 'blob SIZE\0' and the content. */
  checksum: { kind: 'sha256' | 'git-sha1'; hex: string };
}

export interface DownloadOptions {
  url: string;
  token: string | null;
  file: RemoteFile;
  /** Where the finished file goes; beside it lies the partial one, .incomplete. */
  blobPath: string;
  /** Called with the bytes that are there, those of an earlier try included. */
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
  /** Wait before the first new try; doubled each time. */
  retryMs?: number;
}

const TRIES = 5;
const RETRY_MS = 500;
/** No byte for so long: the connection is dead. */
const STALL_MS = 60_000;

const newHash = ({ checksum, size }: RemoteFile): Hash =>
  checksum.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

/** Keeps two processes from one partial file; a lock that a crash left is taken over. */
async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
      const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
      if (holder !== process.pid && holder > 0 && isAlive(holder)) {
        throw new FourfoldError(
          'conflict',
          `Process ${holder} is fetching the same file. Wait for it, or stop it and remove ${path}.`,
        );
      }
      await rm(path, { force: true });
    }
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Appends what the hub sends from byte `from` on. @returns false where it began at the first byte instead. */
async function append(options: DownloadOptions, from: number, partial: FileHandle, hash: Hash): Promise<boolean> {
  const { url, token, file, onBytes, signal } = options;
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), STALL_MS);
  try {
    const response = await fetch(url, {
      headers: {
        'accept-encoding': 'identity',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      signal: AbortSignal.any(signal === undefined ? [stalled.signal] : [stalled.signal, signal]),
    });
    if (!response.ok || response.body === null) throw new HubReply(response.status, file.path);
    if (from > 0 && !(response.headers.get('content-range') ?? '').startsWith(`bytes ${from}-`)) {
      await response.body.cancel();
      return false;
    }
    let bytes = from;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), STALL_MS);
      bytes += chunk.byteLength;
      if (bytes > file.size) break;
      hash.update(chunk);
      await partial.write(chunk);
      onBytes?.(bytes);
    }
    if (bytes < file.size) throw Object.assign(new Error('the connection ended early'), { code: 'ECONNRESET' });
    return true;
  } catch (error) {
    if (stalled.signal.aborted) throw Object.assign(new Error('no byte came'), { code: 'ETIMEDOUT' });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** One try: goes on with the partial file where there is one. @returns whether the checksum is right. */
async function attempt(options: DownloadOptions): Promise<boolean> {
  const { file, blobPath, onBytes } = options;
  const path = `${blobPath}.incomplete`;
  let from = (await sizeOf(path)) ?? 0;
  if (from > file.size) from = 0;
  let hash = newHash(file);
  if (from > 0) for await (const chunk of createReadStream(path, { end: from - 1 })) hash.update(chunk);
  onBytes?.(from);
  const partial = await open(path, from > 0 ? 'a' : 'w');
  try {
    if (from < file.size && !(await append(options, from, partial, hash))) {
      await partial.truncate(0);
      hash = newHash(file);
      await append(options, 0, partial, hash);
    }
    await partial.sync();
  } finally {
    await partial.close();
  }
  if (hash.digest('hex') === file.checksum.hex && (await sizeOf(path)) === file.size) return true;
  await rm(path, { force: true });
  return false;
}

/**
 * Fetches a file that the cache does not have. What came stays when it fails, and the next call goes on there.
 * @throws server-failed (wrong checksum), conflict (another process), HubReply, network and file-system errors
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { blobPath, file, signal, retryMs = RETRY_MS } = options;
  if (((await sizeOf(blobPath)) ?? -1) === file.size) return;
  await mkdir(dirname(blobPath), { recursive: true });
  await withLock(`${blobPath}.lock`, async () => {
    let wrong = 0;
    for (let tries = 1; ; tries++) {
      try {
        if (await attempt(options)) break;
        wrong++;
        if (wrong < 2) continue;
        throw new FourfoldError(
          'server-failed',
          `${file.path} came twice with a wrong checksum (expected ${file.checksum.hex.slice(0, 12)}…): the file was changed on the way. Nothing was kept; check proxy and HF_ENDPOINT.`,
        );
      } catch (error) {
        if (signal?.aborted || !isPassing(error) || tries >= TRIES) throw error;
        await sleep(retryMs * 2 ** (tries - 1));
      }
    }
    await rename(`${blobPath}.incomplete`, blobPath);
  });
}
