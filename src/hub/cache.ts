// The cache that huggingface_hub and @huggingface/hub share: models--owner--name/{blobs,refs,snapshots}. A blob goes by
// its checksum and is never written again; a snapshot is a folder of links to blobs.
// Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { asStorageError, systemCodeOf } from '../core/errors.ts';
import type { HubName } from './hubName.ts';

export const COMMIT = /^[0-9a-f]{40}$/;

export interface RepositoryCache {
  /** Path of a blob by its checksum. */
  blob(checksum: string): string;
  snapshot(commit: string): string;
  /** The commit that a revision stood for when it was last fetched, or null. */
  commitOf(revision: string): Promise<string | null>;
  keepRef(revision: string, commit: string): Promise<void>;
  /** Makes `path` of the snapshot stand for the blob. */
  link(commit: string, path: string, checksum: string): Promise<void>;
}

/** The cache of one repository. Nothing is made before something is kept. */
export function repositoryCache(cacheDir: string, { repository }: Pick<HubName, 'repository'>): RepositoryCache {
  const root = join(cacheDir, `models--${repository.replace('/', '--')}`);
  const blob = (checksum: string) => join(root, 'blobs', checksum);
  const snapshot = (commit: string) => join(root, 'snapshots', commit);
  const refPath = (revision: string) => join(root, 'refs', ...revision.split('/'));
  return {
    blob,
    snapshot,
    async commitOf(revision) {
      if (COMMIT.test(revision)) return revision;
      try {
        const commit = (await readFile(refPath(revision), 'utf8')).trim();
        return COMMIT.test(commit) ? commit : null;
      } catch (error) {
        if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCodeOf(error) ?? '')) return null;
        throw asStorageError(error, refPath(revision), 'read');
      }
    },
    async keepRef(revision, commit) {
      if (COMMIT.test(revision)) return;
      await mkdir(dirname(refPath(revision)), { recursive: true });
      await writeFile(refPath(revision), commit);
    },
    async link(commit, path, checksum) {
      const at = join(snapshot(commit), path);
      await mkdir(dirname(at), { recursive: true });
      try {
        await symlink(relative(dirname(at), blob(checksum)), at);
      } catch (error) {
        if (systemCodeOf(error) === 'EEXIST') return;
        // Windows without the right to make links: a copy, as huggingface_hub does there.
        if (systemCodeOf(error) !== 'EPERM') throw error;
        await copyFile(blob(checksum), at);
      }
    },
  };
}
