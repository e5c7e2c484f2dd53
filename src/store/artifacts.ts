// Artefacts: a folder of files each, and a card in the index. A folder is written aside, synced and renamed, and the
// card is added last, so an artefact that is listed is whole.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Artifact, type ArtifactKind, type ArtifactOf } from '../core/artifacts.ts';
import { asStorageError, FourfoldError, systemCodeOf } from '../core/errors.ts';
import { ArtifactId } from '../core/ids.ts';
import { parseWith } from '../core/jsonl.ts';
import type { Index } from './indexFile.ts';
import { syncFiles } from './syncFiles.ts';

type Computed = 'id' | 'files' | 'createdAt';
/** What a maker says of a new artefact; id, files and time are filled in. */
export type ArtifactDraft = Artifact extends infer A ? (A extends Artifact ? Omit<A, Computed> : never) : never;

export interface Artifacts {
  /** Makes an artefact: `write` fills the folder it is given. Nothing is left behind when it throws. */
  create<K extends ArtifactKind>(
    draft: Extract<ArtifactDraft, { kind: K }>,
    write: (dir: string) => Promise<void>,
  ): Promise<ArtifactOf<K>>;
  get(id: string): Artifact | null;
  /** @throws not-found, and bad-input where the artefact is of another kind. */
  require<K extends ArtifactKind>(id: string, kind: K): ArtifactOf<K>;
  /** Oldest first. */
  list<K extends ArtifactKind>(kind: K): ArtifactOf<K>[];
  all(): Artifact[];
  /** The newest of its kind, or null. */
  latest<K extends ArtifactKind>(kind: K): ArtifactOf<K> | null;
  /** Absolute path of the artefact's folder. */
  dir(artifact: Artifact): string;
  /** The artefact and all its ancestors, nearest first, each once. */
  lineage(id: string): Artifact[];
}

/** SHA-256 of a file of any size, in hexadecimal. @throws not-found, storage-failed. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw asStorageError(error, path, 'read');
  }
  return hash.digest('hex');
}

/** Syncs the folder's files to the disk and hashes them, by path relative to it. */
async function syncAndHash(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const path of (await syncFiles(dir)).sort()) {
    files[relative(dir, path).split(sep).join('/')] = await hashFile(path);
  }
  return files;
}

/** The label of an id: a model goes by its role. */
function labelOf(draft: ArtifactDraft): string {
  return draft.kind === 'model' ? draft.role : draft.kind;
}

function unknownArtifact(id: string, all: ReadonlyArray<Artifact>): FourfoldError {
  const known = all.map((artifact) => artifact.id);
  const hint = known.length === 0 ? 'This workspace has no artefact yet.' : `Newest: ${known.slice(-8).join(', ')}.`;
  return new FourfoldError('not-found', `Expected an artefact's id, got ${id}. ${hint}`);
}

export function artifactsIn(root: string, index: Index): Artifacts {
  const dirOf = (kind: ArtifactKind, id: string) => join(root, 'artifacts', kind, id);

  const partialOf = (kind: ArtifactKind, id: string) => `${dirOf(kind, id)}.partial`;

  /**
   * Takes the next free number of the label by making its partial folder, which only one process can do. A finished
   * artefact's partial folder is gone, renamed to the final one, so that one must not be there either.
   */
  async function reserve(draft: ArtifactDraft): Promise<ArtifactId> {
    const label = labelOf(draft);
    await mkdir(join(root, 'artifacts', draft.kind), { recursive: true });
    for (let number = 1; ; number++) {
      const id = ArtifactId.parse(`${label}-${number}`);
      if (index.read().artifacts.some((artifact) => artifact.id === id)) continue;
      const partial = partialOf(draft.kind, id);
      try {
        await mkdir(partial);
      } catch (error) {
        if (systemCodeOf(error) === 'EEXIST') continue;
        throw error;
      }
      if (!existsSync(dirOf(draft.kind, id))) return id;
      await rmdir(partial);
    }
  }

  const get = (id: string) => index.read().artifacts.find((artifact) => artifact.id === id) ?? null;

  const list = <K extends ArtifactKind>(kind: K) =>
    index.read().artifacts.filter((artifact): artifact is ArtifactOf<K> => artifact.kind === kind);

  return {
    async create<K extends ArtifactKind>(
      draft: Extract<ArtifactDraft, { kind: K }>,
      write: (dir: string) => Promise<void>,
    ) {
      let partial: string | null = null;
      try {
        const id = await reserve(draft);
        const dir = dirOf(draft.kind, id);
        partial = partialOf(draft.kind, id);
        await write(partial);
        const files = await syncAndHash(partial);
        const artifact = parseWith(
          Artifact,
          { ...draft, id, files, createdAt: new Date().toISOString() },
          `artefact ${id}`,
        );
        await rename(partial, dir);
        partial = dir;
        index.update((data) => {
          data.artifacts.push(artifact);
        });
        return artifact as ArtifactOf<K>;
      } catch (error) {
        if (partial !== null) await rm(partial, { recursive: true, force: true }).catch(() => undefined);
        throw asStorageError(error, partial ?? root, 'write');
      }
    },
    get,
    require<K extends ArtifactKind>(id: string, kind: K) {
      const artifact = get(id);
      if (artifact === null) {
        const known = list(kind).map((found) => found.id);
        const hint =
          known.length === 0 ? `This workspace has no ${kind} yet.` : `Known: ${known.slice(-8).join(', ')}.`;
        throw new FourfoldError('not-found', `Expected a ${kind}, got the unknown id ${id}. ${hint}`);
      }
      if (artifact.kind !== kind) {
        throw new FourfoldError('bad-input', `Expected a ${kind}, but ${id} is a ${artifact.kind}.`);
      }
      return artifact as ArtifactOf<K>;
    },
    list,
    all: () => [...index.read().artifacts],
    latest: (kind) => list(kind).at(-1) ?? null,
    dir: (artifact) => dirOf(artifact.kind, artifact.id),
    lineage: (id) => {
      const queue = [id];
      const found = new Map<string, Artifact>();
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (found.has(next)) continue;
        const artifact = get(next);
        if (artifact === null) throw unknownArtifact(next, index.read().artifacts);
        found.set(next, artifact);
        queue.push(...artifact.parents);
      }
      return [...found.values()];
    },
  };
}
