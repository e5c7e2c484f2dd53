// Which files of a repository a model needs, and none else: no pickle, no other framework's weights.
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, parseWith } from '../core/jsonl.ts';

export const WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
const ADAPTER = ['adapter_config.json', 'adapter_model.safetensors'];
const TOKENIZER = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
];
const SMALL = ['config.json', 'generation_config.json', 'README.md', ...TOKENIZER];
const NAMED_TEMPLATE = /^additional_chat_templates\/[A-Za-z0-9][A-Za-z0-9._-]*\.jinja$/;
const SHARD = /^[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors$/;

export type Wanted = 'model' | 'tokenizer';

/** The small files to fetch first; the weights follow from them. */
export function smallFilesOf(paths: ReadonlyArray<string>, wanted: Wanted): string[] {
  const names = wanted === 'tokenizer' ? TOKENIZER : [...SMALL, ADAPTER[0] ?? ''];
  const isIndexNeeded = wanted === 'model' && !paths.includes(WEIGHTS);
  return paths.filter(
    (path) => names.includes(path) || NAMED_TEMPLATE.test(path) || (isIndexNeeded && path === WEIGHTS_INDEX),
  );
}

const Index = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** The shards that an index names. @throws bad-input where it names something that is no safetensors file beside it. */
export function shardsOf(indexText: string, where: string): string[] {
  const { weight_map } = parseWith(Index, parseJson(indexText, where), where);
  const shards = [...new Set(Object.values(weight_map))].sort();
  const wrong = shards.find((name) => !SHARD.test(name));
  if (wrong === undefined && shards.length > 0) return shards;
  throw new FourfoldError(
    'bad-model',
    `${where}: expected names of safetensors files beside the index, got ${wrong === undefined ? 'none' : JSON.stringify(wrong)}.`,
  );
}

/**
 * The weight files to fetch.
 * @param indexText the text of the index, or null where there is none
 * @throws unsupported where the repository has weights in another form only; bad-model where a shard is missing
 */
export function weightFilesOf(paths: ReadonlyArray<string>, indexText: string | null, where: string): string[] {
  const adapter = ADAPTER.every((name) => paths.includes(name)) ? ADAPTER.slice(1) : [];
  if (paths.includes(WEIGHTS)) return [WEIGHTS, ...adapter];
  if (indexText !== null) {
    const shards = shardsOf(indexText, `${where}, ${WEIGHTS_INDEX}`);
    const missing = shards.find((name) => !paths.includes(name));
    if (missing === undefined) return [...shards, ...adapter];
    throw new FourfoldError('bad-model', `${where}: the index names ${missing}, which the repository does not have.`);
  }
  if (adapter.length > 0) return adapter;
  const others = paths.filter((path) => /\.(bin|pt|pth|ckpt|h5|msgpack|gguf|onnx)$/.test(path)).slice(0, 4);
  throw new FourfoldError(
    'unsupported',
    `${where}: expected weights as ${WEIGHTS}, ${WEIGHTS_INDEX} or adapter_model.safetensors, got ${others.length === 0 ? 'none' : others.join(', ')}. ` +
      'Pickled weights can run code and are never read; choose a revision with safetensors, or convert them.',
  );
}
