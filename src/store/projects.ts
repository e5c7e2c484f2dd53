// The settings of labeling projects, projects/<id>/project.json.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { defaultProject } from '../core/annotation/defaultProject.ts';
import { Project } from '../core/annotation/project.ts';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { type ArtifactId, looksLikeId } from '../core/ids.ts';
import { parseJson, parseWith } from '../core/jsonl.ts';

export interface Projects {
  /** @throws bad-input where its settings are damaged. */
  get(id: string): Project | null;
  /** @throws not-found. */
  require(id: string): Project;
  list(): Project[];
  /** The project of the candidate set; the bundled one where nobody made one. */
  ofSet(candidateSetId: ArtifactId): Project;
  /** Writes the settings. @throws conflict where another project has the candidate set, storage-failed. */
  save(project: Project): void;
  /** Absolute path of the project's folder, which may not be there yet. */
  dir(id: string): string;
}

export function projectsIn(root: string): Projects {
  const folder = join(root, 'projects');
  const dir = (id: string) => join(folder, id);
  const get = (id: string): Project | null => {
    const path = join(dir(id), 'project.json');
    if (!looksLikeId(id) || !existsSync(path)) return null;
    try {
      return parseWith(Project, parseJson(readFileSync(path, 'utf8'), path), path);
    } catch (error) {
      throw asStorageError(error, path, 'read');
    }
  };
  const list = () => {
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .sort()
      .flatMap((id) => get(id) ?? []);
  };
  return {
    get,
    require(id) {
      const project = get(id);
      if (project !== null) return project;
      const known = list().map((found) => found.id);
      throw new FourfoldError(
        'not-found',
        `Expected a project's id, got ${id}. Known: ${known.length === 0 ? 'none' : known.join(', ')}. See: fourfold project list.`,
      );
    },
    list,
    ofSet: (candidateSetId) =>
      list().find((project) => project.candidateSetId === candidateSetId) ?? defaultProject(candidateSetId),
    save(project) {
      const other = list().find(
        ({ id, candidateSetId }) => candidateSetId === project.candidateSetId && id !== project.id,
      );
      if (other !== undefined) {
        throw new FourfoldError(
          'conflict',
          `${project.candidateSetId} has the project ${other.id} already. Change that one: fourfold project set ${other.id}.`,
        );
      }
      const path = join(dir(project.id), 'project.json');
      try {
        mkdirSync(dir(project.id), { recursive: true });
        // For the owner only: it may hold the webhook's key.
        writeFileAtomic.sync(path, `${JSON.stringify(project, null, 2)}\n`, { mode: 0o600, fsync: true });
      } catch (error) {
        throw asStorageError(error, path, 'write');
      }
    },
    dir,
  };
}
