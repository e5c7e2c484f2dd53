// What a user names on the command line: an artefact's id or a path. Files of prompts become artefacts on first use,
// so that every lineage ends at what was really read.
import { existsSync, statSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ArtifactKind, ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { looksLikeId, type RunId, sha256 } from '../core/ids.ts';
import { readJsonl, readTextFile, toJsonl } from '../core/jsonl.ts';
import { type ModelFolder, weightsHash } from '../core/modelFolder.ts';
import { parsePrompts } from '../core/prompts.ts';
import { Prompt } from '../core/records.ts';
import { hashFile } from './artifacts.ts';
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

/** Checks that an id or a file of prompts is there and whole, without importing it. @throws not-found, bad-input. */
export async function checkPrompts(
  workspace: Workspace,
  reference: string,
  path: (given: string) => string = resolve,
): Promise<void> {
  if (looksLikeId(reference) && !existsSync(path(reference))) promptSetOf(workspace, reference);
  else parsePrompts(await readTextFile(path(reference)), path(reference));
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

const KIND_NAMES = { model: 'language model', 'reward-model': 'reward model' } as const;

/** The model of an id or a folder; with `kind`, of that kind alone. @throws not-found, bad-input. */
export function resolveModel(
  workspace: Workspace,
  reference: string,
  path: (given: string) => string = resolve,
  kind?: 'model' | 'reward-model',
): ModelReference {
  const artifact = looksLikeId(reference) ? workspace.artifacts.get(reference) : null;
  if (artifact !== null) {
    if (artifact.kind !== 'model' && artifact.kind !== 'reward-model') {
      throw new FourfoldError('bad-input', `Expected a model, but ${reference} is a ${artifact.kind}.`);
    }
    if (kind !== undefined && artifact.kind !== kind) {
      throw new FourfoldError(
        'bad-input',
        `Expected a ${KIND_NAMES[kind]}, but ${reference} is a ${KIND_NAMES[artifact.kind]}. ${knownModels(workspace, kind)}.`,
      );
    }
    return { dir: workspace.artifacts.dir(artifact), artifact, name: artifact.id };
  }
  const dir = path(reference);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory())
    return { dir, artifact: null, name: dir.split('/').at(-1) ?? dir };
  const what = kind === undefined ? 'model' : KIND_NAMES[kind];
  throw new FourfoldError(
    'not-found',
    `Expected a ${what}'s id or folder, got ${reference}. ${knownModels(workspace, kind)}.`,
  );
}

function knownModels({ artifacts }: Workspace, kind: 'model' | 'reward-model' | undefined): string {
  const kinds = kind === undefined ? (['model', 'reward-model'] as const) : [kind];
  const known = kinds.flatMap((one) => artifacts.list(one).map((found) => found.id));
  if (known.length > 0) return `Known: ${known.slice(-8).join(', ')}`;
  return `This workspace has no ${kind === undefined ? 'model' : KIND_NAMES[kind]} yet`;
}

/** @throws not-found where the folder has no weights. */
async function hashWeights(dir: string): Promise<string> {
  const hashes: Record<string, string> = {};
  for (const name of await readdir(dir))
    if (name.endsWith('.safetensors')) hashes[name] = await hashFile(join(dir, name));
  const hash = weightsHash(hashes);
  if (hash !== null) return hash;
  throw new FourfoldError('not-found', `${dir}: expected weights (*.safetensors), found none. Name another model.`);
}

/**
 * What a card keeps of models that are folders outside the workspace, by the option or version that named them: where
 * each was and the hash of its weights. Empty where all are artefacts, which are parents.
 */
export async function modelFolders(
  models: Readonly<Record<string, ModelReference | null>>,
): Promise<{ modelFolders?: Record<string, ModelFolder> }> {
  const found: Record<string, ModelFolder> = {};
  for (const [name, model] of Object.entries(models)) {
    if (model === null || model.artifact !== null) continue;
    found[name] = { folder: model.dir, sha256: await hashWeights(model.dir) };
  }
  return Object.keys(found).length === 0 ? {} : { modelFolders: found };
}

/** What a run has made, or null: a finished run that is resumed makes nothing twice. */
export function madeByRun<K extends ArtifactKind>(workspace: Workspace, kind: K, runId: RunId): ArtifactOf<K> | null {
  return workspace.artifacts.list(kind).find((artifact) => artifact.runId === runId) ?? null;
}
