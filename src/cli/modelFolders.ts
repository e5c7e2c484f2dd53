// Copies of model folders between the workspace and the world. What is copied was checked first.
import { copyFile, link, lstat, mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { asStorageError, FourfoldError, systemCodeOf } from '../core/errors.ts';
import { readTextFile } from '../core/jsonl.ts';
import { parseModelConfig } from '../model/configFile.ts';
import type { Dtype } from '../model/numberFormats.ts';
import { SCORE_HEAD } from '../model/parameters.ts';
import { layoutOf, requireNoMoreLayers } from '../model/weightLayout.ts';
import { openWeights, weightFilesIn } from '../model/weightsFolder.ts';
import type { Artifacts } from '../store/artifacts.ts';
import { TEMPLATE_FOLDER } from '../tokens/templateFiles.ts';
import { loadTokenizer, TOKENIZER_FILES } from '../tokens/tokenizer.ts';
import { publishBase, writeConverted } from './adapterFolders.ts';
import { completeExport } from './exportedFolder.ts';

const CONFIG = 'config.json';

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    throw asStorageError(error, dir, 'read');
  }
}

/** Paths of the tokenizer's files, those of its folder of templates too. */
async function tokenizerFilesIn(dir: string, names: ReadonlyArray<string>): Promise<string[]> {
  const found = TOKENIZER_FILES.filter((name) => name !== TEMPLATE_FOLDER && names.includes(name));
  if (!names.includes(TEMPLATE_FOLDER)) return found;
  const templates = (await namesIn(join(dir, TEMPLATE_FOLDER))).filter((name) => name.endsWith('.jinja'));
  return [...found, ...templates.map((name) => `${TEMPLATE_FOLDER}/${name}`)];
}

/** The folder's model files. Links are not followed, unless told to: what they point at could change under the artefact. */
async function modelFilesIn(dir: string, followLinks: boolean): Promise<string[]> {
  const names = await namesIn(dir);
  if (!names.includes(CONFIG)) {
    throw new FourfoldError(
      'bad-model',
      `${dir}: expected ${CONFIG} and the model's weights, but there is no ${CONFIG}. Point at a model's folder.`,
    );
  }
  const weights = await weightFilesIn(dir);
  const wanted = [CONFIG, ...weights, ...(await tokenizerFilesIn(dir, names))];
  for (const name of wanted) {
    const path = join(dir, name);
    const found = await (followLinks ? stat : lstat)(path).catch((error: unknown) => {
      throw asStorageError(error, path, 'read');
    });
    if (found.isFile()) continue;
    throw new FourfoldError(
      'bad-model',
      `${path}: expected a plain file, got a link or folder. Copy the folder with its links resolved (cp -rL).`,
    );
  }
  return wanted.sort();
}

/** Where a model comes from that is imported. */
export interface Origin {
  /** What the card's configuration keeps of it. */
  config: Record<string, unknown>;
  /** True for the hub's cache: links to blobs that go by their checksum, and are never written again. */
  isHubCache: boolean;
}

/**
 * Copies a file; of a blob of the hub's cache it makes a second name where the disk allows it, since gigabytes need no
 * second place.
 */
async function place(from: string, to: string, isHubCache: boolean): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  if (!isHubCache) return copyFile(from, to);
  await link(await realpath(from), to).catch(() => copyFile(from, to));
}

/**
 * Makes a model artefact of role 'imported' from a folder, or a reward model where the weights carry a score head.
 * @throws not-found, bad-model (files missing, truncated), unsupported (architecture).
 */
export async function importModel(
  artifacts: Artifacts,
  dir: string,
  { config, isHubCache }: Origin = { config: { dir }, isHubCache: false },
): Promise<{ artifact: ArtifactOf<'model'> | ArtifactOf<'reward-model'>; hasTokenizer: boolean }> {
  const names = await modelFilesIn(dir, isHubCache);
  const configPath = join(dir, 'config.json');
  const modelConfig = parseModelConfig(await readTextFile(configPath), configPath);
  const weights = await openWeights(dir);
  const isRewardModel = weights.entries.has(SCORE_HEAD);
  await weights.close();
  requireNoMoreLayers(weights, layoutOf(modelConfig));
  const card = { parents: [], seed: 0, config, engine: null, round: 1, runId: null, metrics: {} };
  const write = async (into: string) => {
    for (const name of names) await place(join(dir, name), join(into, name), isHubCache);
  };
  const artifact = isRewardModel
    ? await artifacts.create<'reward-model'>({ ...card, kind: 'reward-model' }, write)
    : await artifacts.create<'model'>({ ...card, kind: 'model', role: 'imported' }, write);
  return { artifact, hasTokenizer: names.includes('tokenizer.json') };
}

/** Makes a tokenizer artefact from a folder. @throws not-found, bad-model. */
export async function importTokenizer(
  artifacts: Artifacts,
  dir: string,
  { config, isHubCache }: Origin,
): Promise<ArtifactOf<'tokenizer'>> {
  const { vocabSize } = await loadTokenizer(dir);
  return artifacts.create<'tokenizer'>(
    {
      kind: 'tokenizer',
      parents: [],
      seed: 0,
      config,
      engine: null,
      round: 1,
      runId: null,
      metrics: { vocabSize },
    },
    async (into) => {
      for (const name of await tokenizerFilesIn(dir, await namesIn(dir))) {
        await place(join(dir, name), join(into, name), isHubCache);
      }
    },
  );
}

/** How an export differs from what lies in the workspace. */
export interface Conversion {
  /** True to merge the adapter into its base. */
  merge: boolean;
  /** The weights' number format; null as they are, float32 where they are merged. */
  dtype: Dtype | null;
}

/**
 * Copies a model's or reward model's folder to `dir`, with its card, whole or not at all.
 * @returns the files' names. @throws not-found, bad-input, conflict where `dir` is not empty.
 */
export async function exportModel(
  artifacts: Artifacts,
  id: string,
  dir: string,
  { merge, dtype }: Conversion = { merge: false, dtype: null },
): Promise<string[]> {
  const found = artifacts.get(id);
  const artifact = found?.kind === 'reward-model' ? found : artifacts.require(id, 'model');
  const partial = `${dir}.partial-${process.pid}`;
  try {
    if (!(await isFree(dir))) {
      throw new FourfoldError(
        'conflict',
        `${dir}: expected a new or empty folder, but something is there. Choose another.`,
      );
    }
    await mkdir(dirname(dir), { recursive: true });
    await mkdir(partial);
    const from = artifacts.dir(artifact);
    if (merge || dtype !== null) await writeConverted(from, partial, { id, merge, dtype: dtype ?? 'float32' });
    else {
      for (const name of Object.keys(artifact.files)) await place(join(from, name), join(partial, name), false);
      await publishBase(artifacts, from, partial);
    }
    await completeExport(artifacts, artifact, partial);
    await rmdir(dir).catch(() => undefined);
    await rename(partial, dir);
    return (await readdir(dir)).sort();
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw asStorageError(error, dir, 'write', 'choose another folder');
  }
}

async function isFree(dir: string): Promise<boolean> {
  try {
    return (await readdir(dir)).length === 0;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return true;
    if (systemCodeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
