// An adapter's folder in PEFT's form: adapter_config.json names rank, scale and base; adapter_model.safetensors holds A and B of
// each module, and the score head of a reward model. The base lies elsewhere: a path, absolute or relative to the folder.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { FourfoldError } from '../../core/errors.ts';
import { parseJson, readTextFile } from '../../core/jsonl.ts';
import type { ModelConfig } from '../config.ts';
import { newVariable, type Parameters, SCORE_HEAD, saveParameters } from '../parameters.ts';
import type { TensorData } from '../safetensors.ts';
import { openWeightsFile, type Weights } from '../weightsFolder.ts';
import { type Adapter, type AdapterSettings, modulesOf, nameOfA, nameOfB } from './adapter.ts';
import { type PeftDescription, parsePeftConfig, toPeftConfig } from './peftConfig.ts';
import { linearModules } from './targets.ts';

export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
/** What PEFT puts before every name. */
const PREFIX = 'base_model.model.';

export const isAdapterFolder = (dir: string): boolean => existsSync(join(dir, ADAPTER_CONFIG));

/** @throws as parsePeftConfig, and not-found. */
export async function readPeftConfig(dir: string): Promise<PeftDescription> {
  const path = join(dir, ADAPTER_CONFIG);
  return parsePeftConfig(parseJson(await readTextFile(path), path), path);
}

/** The folder of the base that an adapter's folder names. @throws not-found where it is none on this machine. */
export async function baseFolderOf(dir: string): Promise<string> {
  const { base } = await readPeftConfig(dir);
  const found = base === null ? undefined : [resolve(dir, base), resolve(base)].find((path) => isModelFolder(path));
  if (found !== undefined) return found;
  throw new FourfoldError(
    'not-found',
    `${join(dir, ADAPTER_CONFIG)}: expected base_model_name_or_path to be a model's folder, got ${JSON.stringify(base)}. ` +
      'Import the adapter with its base: fourfold models import DIR --base MODEL.',
  );
}

const isModelFolder = (dir: string) => existsSync(join(dir, 'config.json'));

/** The folder whose config.json describes the model: the base's where it is an adapter's, else itself. */
export async function configFolderOf(dir: string): Promise<string> {
  return isAdapterFolder(dir) ? baseFolderOf(dir) : dir;
}

const bad = (where: string, problem: string) =>
  new FourfoldError('bad-model', `${where}: ${problem}. It was trained on another base, or is damaged.`);

/** The shapes that the file must have, by its own names. @throws bad-model, unsupported, before anything is allocated. */
function checkTensors({ where, entries }: Weights, config: ModelConfig, rank: number): Map<string, number[]> {
  const expected = new Map<string, number[]>([[PREFIX + SCORE_HEAD, [1, config.hidden]]]);
  for (const [module, [out = 0, width = 0]] of linearModules(config)) {
    expected.set(PREFIX + nameOfA(module), [rank, width]);
    expected.set(PREFIX + nameOfB(module), [out, rank]);
  }
  for (const [name, { shape }] of entries) {
    const wanted = expected.get(name);
    if (wanted === undefined) {
      throw new FourfoldError(
        'unsupported',
        `${where}: expected A and B of linear modules of the layers, got ${name}. Merge the adapter into its base with PEFT.`,
      );
    }
    if (wanted.join() !== shape.join()) throw bad(where, `expected ${name} of shape [${wanted}], got [${shape}]`);
  }
  for (const name of entries.keys()) {
    const other = name.includes('.lora_A.')
      ? name.replace('.lora_A.', '.lora_B.')
      : name.replace('.lora_B.', '.lora_A.');
    if (!entries.has(other)) throw bad(where, `expected ${other} beside ${name}, found none`);
  }
  return expected;
}

/** Whether the folder's adapter carries a score head of its own. @throws as openWeightsFile. */
export async function hasScoreHead(dir: string): Promise<boolean> {
  const weights = await openWeightsFile(join(dir, ADAPTER_WEIGHTS));
  await weights.close();
  return weights.entries.has(PREFIX + SCORE_HEAD);
}

/** An adapter's values apart from any engine, under the names that they have in memory. */
export interface AdapterValues {
  settings: AdapterSettings;
  /** A and B of each module, and the score head where there is one. */
  tensors: Map<string, TensorData>;
}

/**
 * Reads an adapter's files.
 * @param config of the base
 * @throws bad-model, unsupported, not-found
 */
export async function readAdapterValues(dir: string, config: ModelConfig): Promise<AdapterValues> {
  const { settings } = await readPeftConfig(dir);
  const weights = await openWeightsFile(join(dir, ADAPTER_WEIGHTS));
  try {
    const present = [...checkTensors(weights, config, settings.rank)].filter(([name]) => weights.entries.has(name));
    for (const [name] of present) weights.checkReadable(name);
    const tensors = new Map<string, TensorData>();
    for (const [name, shape] of present)
      tensors.set(name.slice(PREFIX.length), { shape, values: await weights.read(name) });
    if ([...tensors.keys()].every((name) => name === SCORE_HEAD))
      throw bad(weights.where, 'expected A and B of at least one module, found none');
    return { settings, tensors };
  } finally {
    await weights.close();
  }
}

/** Reads an adapter and the score head that lies beside it, if there is one. @throws as readAdapterValues. */
export async function readAdapter(dir: string, config: ModelConfig): Promise<{ adapter: Adapter; score: Parameters }> {
  const { settings, tensors } = await readAdapterValues(dir, config);
  const parameters: Parameters = new Map();
  const score: Parameters = new Map();
  for (const [name, { shape, values }] of tensors)
    (name === SCORE_HEAD ? score : parameters).set(name, newVariable(values, shape));
  return { adapter: { settings, parameters }, score };
}

/** How a folder names its base: relative where both are artefacts of one workspace, so that it may be moved; else absolute. */
export function nameOfBase(dir: string, base: string): string {
  const rootOf = (folder: string) => dirname(dirname(resolve(folder)));
  return rootOf(dir) === rootOf(base) ? relative(resolve(dir), resolve(base)) : resolve(base);
}

/** Writes an adapter's two files. @param base folder of the base */
export async function writeAdapter(
  dir: string,
  { adapter, score, base, config }: { adapter: Adapter; score: Parameters; base: string; config: ModelConfig },
): Promise<void> {
  const peft = toPeftConfig(
    {
      ...adapter.settings,
      targets: adapter.settings.targets.length > 0 ? adapter.settings.targets : modulesOf(adapter),
    },
    {
      base: nameOfBase(dir, base),
      hasScoreHead: score.size > 0,
      fanInFanOut: config.isTransposedInFile,
    },
  );
  await writeFile(join(dir, ADAPTER_CONFIG), `${JSON.stringify(peft, null, 2)}\n`);
  const written = [...adapter.parameters, ...score].map(([name, variable]) => [PREFIX + name, variable] as const);
  await saveParameters(join(dir, ADAPTER_WEIGHTS), new Map(written));
}
