// The weights of a model's folder, one file or several with an index: checked whole, then read a tensor at a time, so that
// a model larger than any one array loads. Pickled weights are refused, since unpickling runs what the file says.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, readTextFile } from '../core/jsonl.ts';
import { sentenceOf } from '../core/zodSentence.ts';
import { checkReadable, openSafetensors, type SafetensorsFile, type TensorEntry } from './safetensors.ts';
import { WEIGHTS_FILE, WEIGHTS_INDEX } from './safetensorsWriter.ts';

const Index = z.looseObject({ weight_map: z.record(z.string(), z.string()) });
const PICKLED = /\.(bin|pt|pth|pkl|ckpt)$/;
/** A plain name of a safetensors file, no path. */
const SHARD_NAME = /^(?!\.)[^/\\:]+\.safetensors$/;

/** Open weights; the caller closes them. */
export interface Weights {
  /** What errors call them: the file, or the index. */
  readonly where: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Values of one tensor as float32. @throws unsupported (number format), bad-model. */
  read(name: string): Promise<Float32Array>;
  /** @throws unsupported where the tensor's number format cannot be read; nothing is allocated. */
  checkReadable(name: string): void;
  close(): Promise<void>;
}

/** @throws not-found, or unsupported where the folder has pickled weights only. */
function noWeights(dir: string): FourfoldError {
  const pickled = existsSync(dir) ? readdirSync(dir).find((name) => PICKLED.test(name)) : undefined;
  if (pickled === undefined) {
    return new FourfoldError(
      'not-found',
      `${dir}: expected ${WEIGHTS_FILE} or ${WEIGHTS_INDEX}, there is neither. Point at a model's folder.`,
    );
  }
  return new FourfoldError(
    'unsupported',
    `${join(dir, pickled)}: expected ${WEIGHTS_FILE}, got pickled weights, which can run any code when they are read. ` +
      'Take a version with safetensors, or convert it where you trust it: ' +
      `AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(OUT) in Python's transformers.`,
  );
}

async function readIndex(path: string): Promise<Record<string, string>> {
  const value = parseJson(await readTextFile(path), path);
  const { data, error } = Index.safeParse(value);
  if (data === undefined) throw new FourfoldError('bad-model', `${path}: ${sentenceOf(error, value)} Fetch it again.`);
  const wrong = Object.entries(data.weight_map).find(([, file]) => !SHARD_NAME.test(file));
  if (wrong === undefined) return data.weight_map;
  throw new FourfoldError(
    'bad-model',
    `${path}: expected the name of a safetensors file beside it for ${wrong[0]}, got ${JSON.stringify(wrong[1])}.`,
  );
}

/** The safetensors files that make up a folder's weights, and the index where there is one. @throws as openWeights. */
export async function weightFilesIn(dir: string): Promise<string[]> {
  if (existsSync(join(dir, WEIGHTS_FILE))) return [WEIGHTS_FILE];
  if (!existsSync(join(dir, WEIGHTS_INDEX))) throw noWeights(dir);
  const shards = Object.values(await readIndex(join(dir, WEIGHTS_INDEX)));
  return [...new Set(shards)].sort().concat(WEIGHTS_INDEX);
}

function weightsOf(where: string, files: ReadonlyArray<SafetensorsFile>, homes: ReadonlyMap<string, SafetensorsFile>) {
  const entryOf = (name: string): [SafetensorsFile, TensorEntry] => {
    const file = homes.get(name);
    const entry = file?.entries.get(name);
    if (file !== undefined && entry !== undefined) return [file, entry];
    throw new FourfoldError('bad-model', `${where}: expected a tensor ${name}, found none.`);
  };
  return {
    where,
    entries: new Map([...homes].map(([name]) => [name, entryOf(name)[1]])),
    read: async (name: string) => {
      const [file, entry] = entryOf(name);
      return file.read(entry);
    },
    checkReadable: (name: string) => {
      const [file, entry] = entryOf(name);
      checkReadable(file.path, entry);
    },
    close: async () => {
      for (const file of files) await file.close();
    },
  };
}

/** One file as weights. @throws as openSafetensors. */
export async function openWeightsFile(path: string): Promise<Weights> {
  const file = await openSafetensors(path);
  return weightsOf(path, [file], new Map([...file.entries.keys()].map((name) => [name, file])));
}

/**
 * Opens the weights of a folder and checks every header.
 * @throws not-found, unsupported (pickled weights), bad-model (a damaged file, or an index that does not fit its files).
 */
export async function openWeights(dir: string): Promise<Weights> {
  if (existsSync(join(dir, WEIGHTS_FILE))) return openWeightsFile(join(dir, WEIGHTS_FILE));
  const indexPath = join(dir, WEIGHTS_INDEX);
  if (!existsSync(indexPath)) throw noWeights(dir);
  const map = await readIndex(indexPath);
  const files = new Map<string, SafetensorsFile>();
  try {
    const homes = new Map<string, SafetensorsFile>();
    for (const [name, fileName] of Object.entries(map)) {
      const file = files.get(fileName) ?? (await openSafetensors(join(dir, fileName)));
      files.set(fileName, file);
      if (!file.entries.has(name)) {
        throw new FourfoldError(
          'bad-model',
          `${indexPath}: expected ${name} in ${fileName}, found none. Fetch both again.`,
        );
      }
      homes.set(name, file);
    }
    return weightsOf(indexPath, [...files.values()], homes);
  } catch (error) {
    for (const file of files.values()) await file.close();
    throw error;
  }
}
