// What a user names on the command line: an artefact's id or a path. Files of prompts become artefacts on first use,
// so that every lineage ends at what was really read.
import { existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ArtifactKind, ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { looksLikeId, type RunId, sha256 } from '../core/ids.ts';
import { readJsonl, readTextFile, toJsonl } from '../core/jsonl.ts';
import { parsePrompts } from '../core/prompts.ts';
import { Prompt } from '../core/records.ts';
import type { Workspace } from './workspace.ts';

export const PROMPTS_FILE = 'prompts.jsonl';

/** Prompts of a set's folder, as stored. */
export const readPrompts = (dir: string) => readJsonl(join(dir, PROMPTS_FILE), Prompt);

/** Makes a prompt set of a JSON Lines file, or returns the one made of the same bytes before. */
export async function importPrompts(workspace: Workspace, path: string): Promise<ArtifactOf<'prompt-set'>> {
  const text = await readTextFile(path);
  const source = sha256(text);
  const known = workspace.artifacts.list('prompt-set').find((artifact) => artifact.config.sha256 === source);
  if (known !== undefined) return known;
  const prompts = parsePrompts(text, path);
  if (prompts.length === 0) throw new FourfoldError('bad-input', `${path}: expected at least one prompt, got none.`);
  const heldOut = prompts.filter((prompt) => prompt.split === 'heldout').length;
  return workspace.artifacts.create(
    {
      kind: 'prompt-set',
      parents: [],
      seed: 0,
      config: { file: path.split('/').at(-1) ?? path, sha256: source },
      engine: null,
      round: 1,
      runId: null,
      metrics: {
        prompts: prompts.length,
        heldOut,
        demonstrations: prompts.filter((prompt) => prompt.demonstration !== null).length,
      },
    },
    async (dir) => {
      await writeFile(join(dir, PROMPTS_FILE), toJsonl(prompts));
    },
  );
}

/** @throws not-found, which tells who meant a file that there is none either. */
function promptSetOf(workspace: Workspace, id: string): ArtifactOf<'prompt-set'> {
  if (workspace.artifacts.get(id) !== null) return workspace.artifacts.require(id, 'prompt-set');
  const known = workspace.artifacts.list('prompt-set').map((found) => found.id);
  const hint = known.length === 0 ? 'This workspace has no prompt set yet' : `Known: ${known.slice(-8).join(', ')}`;
  throw new FourfoldError('not-found', `Expected a file of prompts or a prompt set's id, got ${id}. ${hint}.`);
}

/** The prompt set of an id or a file. @throws not-found, bad-input. */
export async function resolvePrompts(
  workspace: Workspace,
  reference: string,
  path: (given: string) => string = resolve,
): Promise<{ artifact: ArtifactOf<'prompt-set'>; prompts: Prompt[] }> {
  const artifact =
    looksLikeId(reference) && !existsSync(path(reference))
      ? promptSetOf(workspace, reference)
      : await importPrompts(workspace, path(reference));
  return { artifact, prompts: await readPrompts(workspace.artifacts.dir(artifact)) };
}

export interface ModelReference {
  dir: string;
  /** Its card, or null for a folder outside the workspace. */
  artifact: ArtifactOf<'model'> | ArtifactOf<'reward-model'> | null;
  /** What records call it: the id, or the folder's name. */
  name: string;
}

/** The model of an id or a folder. @throws not-found, bad-input. */
export function resolveModel(
  workspace: Workspace,
  reference: string,
  path: (given: string) => string = resolve,
): ModelReference {
  const artifact = looksLikeId(reference) ? workspace.artifacts.get(reference) : null;
  if (artifact !== null) {
    if (artifact.kind !== 'model' && artifact.kind !== 'reward-model') {
      throw new FourfoldError('bad-input', `Expected a model, but ${reference} is a ${artifact.kind}.`);
    }
    return { dir: workspace.artifacts.dir(artifact), artifact, name: artifact.id };
  }
  const dir = path(reference);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory())
    return { dir, artifact: null, name: dir.split('/').at(-1) ?? dir };
  const known = [...workspace.artifacts.list('model'), ...workspace.artifacts.list('reward-model')].map(
    (found) => found.id,
  );
  const hint = known.length === 0 ? 'This workspace has no model yet' : `Known: ${known.slice(-8).join(', ')}`;
  throw new FourfoldError('not-found', `Expected a model's id or folder, got ${reference}. ${hint}.`);
}

/** What a run has made, or null: a finished run that is resumed makes nothing twice. */
export function madeByRun<K extends ArtifactKind>(workspace: Workspace, kind: K, runId: RunId): ArtifactOf<K> | null {
  return workspace.artifacts.list(kind).find((artifact) => artifact.runId === runId) ?? null;
}
