// A model of the hub into the shared cache: which commit, which files, each fetched and checked; or, without a network,
// what the cache has.
import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listFiles, modelInfo } from '@huggingface/hub';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { COMMIT, type RepositoryCache, repositoryCache } from './cache.ts';
import { downloadFile, type RemoteFile } from './downloadFile.ts';
import type { HubEnvironment } from './environment.ts';
import { hubErrorOf, networkCodeOf, statusOf } from './hubErrors.ts';
import { DEFAULT_REVISION, type HubName, hubNameText } from './hubName.ts';
import { shardsOf, smallFilesOf, type Wanted, WEIGHTS, WEIGHTS_INDEX, weightFilesOf } from './wantedFiles.ts';

export interface PullOptions {
  hub: HubEnvironment;
  name: HubName;
  /** 'tokenizer' leaves the weights out. */
  wanted?: Wanted;
  progress: Progress;
  note(line: string): void;
  signal?: AbortSignal;
  retryMs?: number;
}

export interface Snapshot {
  /** Folder of the snapshot in the cache: links to blobs. */
  dir: string;
  commit: string;
}

interface Plan extends PullOptions {
  cache: RepositoryCache;
  commit: string;
  what: string;
}

const access = ({ endpoint, token }: HubEnvironment) => ({
  hubUrl: endpoint,
  ...(token === null ? {} : { accessToken: token }),
});

/** The commit that a revision stands for now. */
async function currentCommit({ hub, name }: PullOptions, what: string): Promise<string> {
  const ask = (revision: string) =>
    modelInfo({ ...access(hub), name: name.repository, revision, additionalFields: ['sha'] });
  try {
    const { sha } = await ask(name.revision);
    if (COMMIT.test(sha)) return sha;
    throw new FourfoldError(
      'server-failed',
      `${hub.endpoint} names no commit for ${what}, got ${JSON.stringify(sha)}.`,
    );
  } catch (error) {
    if (statusOf(error) !== 404 || name.revision === DEFAULT_REVISION) throw error;
    const isThere = await ask(DEFAULT_REVISION).then(
      () => true,
      () => false,
    );
    if (!isThere) throw error;
    throw new FourfoldError(
      'not-found',
      `${name.repository} has no revision ${name.revision}. Name one of its branches, tags or commits.`,
      { cause: error },
    );
  }
}

async function remoteFiles({ hub, name, commit }: Plan): Promise<Map<string, RemoteFile>> {
  const files = new Map<string, RemoteFile>();
  const repo = { type: 'model' as const, name: name.repository };
  for await (const entry of listFiles({ ...access(hub), repo, revision: commit, recursive: true })) {
    if (entry.type !== 'file') continue;
    const hex = entry.lfs?.oid ?? entry.oid ?? '';
    const kind = entry.lfs === undefined ? 'git-sha1' : 'sha256';
    files.set(entry.path, { path: entry.path, size: entry.size, checksum: { kind, hex } });
  }
  return files;
}

/** The named files as the hub has them. The checksum becomes a file name, so it must look like one. */
function chosen(
  files: ReadonlyMap<string, RemoteFile>,
  paths: ReadonlyArray<string>,
  { hub, what }: Plan,
): RemoteFile[] {
  return paths.flatMap((path) => {
    const file = files.get(path);
    if (file === undefined) return [];
    if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(file.checksum.hex)) return [file];
    throw new FourfoldError('server-failed', `${hub.endpoint} names no checksum for ${path} of ${what}.`);
  });
}

const MEGABYTE = 1e6;

async function checkSpace({ cache, what }: Plan, files: ReadonlyArray<RemoteFile>): Promise<void> {
  const missing = files.filter((file) => !existsSync(cache.blob(file.checksum.hex)));
  const bytes = missing.reduce((sum, file) => sum + file.size, 0);
  let at = cache.blob('');
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  const { bavail, bsize } = await statfs(at);
  if (bytes <= bavail * bsize) return;
  const size = (value: number) => `${Math.ceil(value / MEGABYTE)} MB`;
  throw new FourfoldError(
    'storage-failed',
    `${what} needs ${size(bytes)} in ${at}, which has ${size(bavail * bsize)} left. Free some space, or set HF_HOME to another disk.`,
  );
}

async function fetchFiles(plan: Plan, files: ReadonlyArray<RemoteFile>): Promise<void> {
  const { hub, name, commit, cache, progress, signal, retryMs, what } = plan;
  const missing = files.filter((file) => !existsSync(join(cache.snapshot(commit), file.path)));
  if (missing.length === 0) return;
  const total = missing.reduce((sum, file) => sum + file.size, 0);
  const inMegabytes = (bytes: number) => Math.round((bytes / MEGABYTE) * 10) / 10;
  const task = progress.start(`fetch ${what}`, inMegabytes(total), 'MB');
  let done = 0;
  try {
    for (const file of missing) {
      const url = `${hub.endpoint}/${name.repository}/resolve/${commit}/${file.path}`;
      await downloadFile({
        url,
        token: hub.token,
        file,
        blobPath: cache.blob(file.checksum.hex),
        onBytes: (bytes) => task.update(inMegabytes(done + bytes), { file: file.path }),
        ...(signal === undefined ? {} : { signal }),
        ...(retryMs === undefined ? {} : { retryMs }),
      });
      await cache.link(commit, file.path, file.checksum.hex);
      done += file.size;
      task.update(inMegabytes(done), { file: file.path });
    }
  } finally {
    task.finish();
  }
}

async function fetchSnapshot(options: PullOptions, cache: RepositoryCache, what: string): Promise<Snapshot> {
  const commit = await currentCommit(options, what);
  const plan: Plan = { ...options, cache, commit, what };
  const files = await remoteFiles(plan);
  const paths = [...files.keys()];
  const wanted = options.wanted ?? 'model';
  const small = chosen(files, smallFilesOf(paths, wanted), plan);
  await fetchFiles(plan, small);
  const dir = cache.snapshot(commit);
  if (wanted === 'model') {
    const index = small.some(({ path }) => path === WEIGHTS_INDEX)
      ? await readFile(join(dir, WEIGHTS_INDEX), 'utf8')
      : null;
    const weights = chosen(files, weightFilesOf(paths, index, what), plan);
    await checkSpace(plan, weights);
    await fetchFiles(plan, weights);
  } else if (small.length === 0) {
    throw new FourfoldError('bad-model', `${what} has no tokenizer.json. Name a repository that has one.`);
  }
  await cache.keepRef(options.name.revision, commit);
  return { dir, commit };
}

/** What a snapshot in the cache lacks to be loaded, or null where it is whole. */
async function lackOf(dir: string, wanted: Wanted): Promise<string | null> {
  const has = (name: string) => existsSync(join(dir, name));
  if (wanted === 'tokenizer') return has('tokenizer.json') ? null : 'tokenizer.json';
  if (has('adapter_config.json') && has('adapter_model.safetensors')) return null;
  if (!has('config.json')) return 'config.json';
  if (has(WEIGHTS)) return null;
  if (!has(WEIGHTS_INDEX)) return WEIGHTS;
  const shards = shardsOf(await readFile(join(dir, WEIGHTS_INDEX), 'utf8'), join(dir, WEIGHTS_INDEX));
  return shards.find((shard) => !has(shard)) ?? null;
}

async function cachedSnapshot(
  { name, wanted = 'model' }: PullOptions,
  cache: RepositoryCache,
): Promise<Snapshot | null> {
  const commit = await cache.commitOf(name.revision);
  if (commit === null || (await lackOf(cache.snapshot(commit), wanted)) !== null) return null;
  return { dir: cache.snapshot(commit), commit };
}

/**
 * Brings a model into the cache and says where it lies. Files that are there are not fetched again, a partial one is
 * gone on with. Offline, and where the hub cannot be reached, the cache alone is asked.
 * @throws not-found, not-allowed, server-failed, storage-failed, unsupported, bad-model, interrupted
 */
export async function pullModel(options: PullOptions): Promise<Snapshot> {
  const { hub, name, signal } = options;
  const what = hubNameText(name);
  const cache = repositoryCache(hub.cacheDir, name);
  if (hub.isOffline) {
    const found = await cachedSnapshot(options, cache);
    if (found !== null) return found;
    throw new FourfoldError(
      'not-found',
      `${what} is not whole in ${hub.cacheDir}, and HF_HUB_OFFLINE forbids to fetch it. Unset the variable, or name a folder or an id.`,
    );
  }
  try {
    return await fetchSnapshot(options, cache, what);
  } catch (error) {
    if (signal?.aborted) {
      throw new FourfoldError('interrupted', `Stopped fetching ${what}. The same command goes on where it stopped.`, {
        cause: error,
      });
    }
    if (networkCodeOf(error) !== null) {
      const found = await cachedSnapshot(options, cache);
      if (found !== null) {
        options.note(
          `${hub.endpoint} cannot be reached: ${what} comes from the cache, commit ${found.commit.slice(0, 12)}`,
        );
        return found;
      }
    }
    throw hubErrorOf(asStorageError(error, hub.cacheDir, 'write', 'set HF_HOME to another folder'), what, hub);
  }
}
