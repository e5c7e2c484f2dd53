// Adapters between the workspace and the world: imported with their base, merged into it, exported with a base that others find.
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact, ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { parseJson } from '../core/jsonl.ts';
import { HubOrigin } from '../core/modelFolder.ts';
import { readModelConfig } from '../model/configFile.ts';
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  baseFolderOf,
  isAdapterFolder,
  nameOfBase,
  readAdapterValues,
} from '../model/lora/peftFolder.ts';
import type { Dtype } from '../model/numberFormats.ts';
import { SCORE_HEAD } from '../model/parameters.ts';
import { writeWhole } from '../model/wholeFolder.ts';
import type { ArtifactDraft, Artifacts } from '../store/artifacts.ts';
import { type ModelReference, modelFolders } from '../store/references.ts';
import { requireSameContract } from '../tokens/contract.ts';
import { loadTokenizer, type Tokenizer } from '../tokens/tokenizer.ts';

type ModelArtifact = ArtifactOf<'model'> | ArtifactOf<'reward-model'>;

/** Makes an artefact of the adapter's kind. */
function create(
  artifacts: Artifacts,
  isReward: boolean,
  draft: Omit<Extract<ArtifactDraft, { kind: 'reward-model' }>, 'kind'> & { role: ArtifactOf<'model'>['role'] },
  write: (dir: string) => Promise<void>,
): Promise<ModelArtifact> {
  const { role, ...card } = draft;
  return isReward
    ? artifacts.create<'reward-model'>({ ...card, kind: 'reward-model' }, write)
    : artifacts.create<'model'>({ ...card, kind: 'model', role }, write);
}

/** The folder's adapter_config.json with another base. */
async function writeConfig(from: string, into: string, base: string): Promise<void> {
  const path = join(from, ADAPTER_CONFIG);
  const config = parseJson(await readFile(path, 'utf8'), path) as object;
  const changed = { ...config, base_model_name_or_path: base };
  await writeFile(join(into, ADAPTER_CONFIG), `${JSON.stringify(changed, null, 2)}\n`);
}

/**
 * The tokenizer of an adapter: its own where it has one, else the base's. A template of its own is an adapter's good right;
 * ids must mean the same.
 * @throws bad-model where they do not, naming both
 */
async function tokenizerOf(dir: string, base: ModelReference): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(base.dir);
  if (!existsSync(join(dir, 'tokenizer.json'))) return tokenizer;
  const own = await loadTokenizer(dir);
  requireSameContract(
    { name: `the adapter ${dir}`, parts: { ...tokenizer.contractParts, tokenizer: own.contractParts.tokenizer } },
    { name: base.name, parts: tokenizer.contractParts },
    'Name the base that the adapter was trained on.',
  );
  return own;
}

/**
 * Makes an artefact of an adapter's folder on its base.
 * @param origin what the card's configuration keeps of where it came from
 * @throws bad-model, unsupported where the adapter does not fit the base
 */
export async function importAdapter(
  artifacts: Artifacts,
  dir: string,
  base: ModelReference,
  origin: Record<string, unknown> = { dir },
): Promise<ModelArtifact> {
  if (isAdapterFolder(base.dir)) {
    throw new FourfoldError(
      'bad-input',
      `--base: expected a whole model, but ${base.name} is an adapter. Merge it first.`,
    );
  }
  const { tensors } = await readAdapterValues(dir, await readModelConfig(base.dir));
  const tokenizer = await tokenizerOf(dir, base);
  return create(
    artifacts,
    tensors.has(SCORE_HEAD) || base.artifact?.kind === 'reward-model',
    {
      ...{ role: 'imported', parents: base.artifact === null ? [] : [base.artifact.id], seed: 0, engine: null },
      config: { ...origin, contract: tokenizer.contract, ...(await modelFolders({ base })) },
      ...{ round: base.artifact?.round ?? 1, runId: null, metrics: {} },
    },
    async (into) => {
      await copyFile(join(dir, ADAPTER_WEIGHTS), join(into, ADAPTER_WEIGHTS));
      await writeConfig(dir, into, nameOfBase(into, base.dir));
      await tokenizer.copyTo(into);
    },
  );
}

/** @throws bad-input for a model without an adapter. */
function requireAdapter(dir: string, id: string): void {
  if (isAdapterFolder(dir)) return;
  throw new FourfoldError(
    'bad-input',
    `Expected a model with an adapter, but ${id} is a whole model: nothing to merge.`,
  );
}

/** Merges an adapter into its base and keeps the whole model as an artefact. @throws bad-input, bad-model. */
export async function mergeAdapter(artifacts: Artifacts, adapted: ModelArtifact, dtype: Dtype): Promise<ModelArtifact> {
  const dir = artifacts.dir(adapted);
  requireAdapter(dir, adapted.id);
  const tokenizer = await loadTokenizer(dir);
  return create(
    artifacts,
    adapted.kind === 'reward-model',
    {
      ...{ role: adapted.kind === 'model' ? adapted.role : 'imported', parents: [adapted.id], seed: adapted.seed },
      config: { mergedFrom: adapted.id, dtype, contract: tokenizer.contract },
      ...{ engine: null, round: adapted.round, runId: null, metrics: adapted.metrics },
    },
    async (into) => {
      await writeWhole(into, dir, { tokens: tokenizer, dtype });
      await tokenizer.copyTo(into);
    },
  );
}

/** What others call a base: its name on the hub where it came from there, else its absolute path. */
function publicName(artifacts: Artifacts, baseDir: string): string {
  const base = artifacts.all().find((artifact: Artifact) => artifacts.dir(artifact) === baseDir);
  return HubOrigin.safeParse(base?.config.hub).data?.repository ?? baseDir;
}

/** Gives an exported adapter a base that is found outside the workspace. Nothing happens to a whole model. */
export async function publishBase(artifacts: Artifacts, from: string, into: string): Promise<void> {
  if (isAdapterFolder(from)) await writeConfig(from, into, publicName(artifacts, await baseFolderOf(from)));
}

/** Writes an exported model anew: merged where asked, in the number format. @returns the files' names */
export async function writeConverted(
  from: string,
  into: string,
  { id, merge, dtype }: { id: string; merge: boolean; dtype: Dtype },
): Promise<string[]> {
  if (merge) requireAdapter(from, id);
  else if (isAdapterFolder(from)) {
    throw new FourfoldError('bad-option', `--dtype: ${id} is an adapter, which is kept in float32. Add --merge.`);
  }
  const tokenizer = await loadTokenizer(from);
  const files = await writeWhole(into, from, { tokens: tokenizer, dtype });
  await tokenizer.copyTo(into);
  return files;
}
