// config.json as Hugging Face writes it, read into a ModelConfig and written again. What was read is kept and written back
// field for field; only the head, the token ids and the number format are the toolkit's to change.
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import { llamaFields } from './architectures/llama.ts';
import { architectureOf } from './architectures/table.ts';
import type { ModelConfig } from './config.ts';
import { parseKeepingFloats, stringifyWithFloats } from './jsonFloats.ts';
import type { Dtype } from './numberFormats.ts';

/** @throws unsupported for an architecture or switch that is not served, by name; bad-input for a malformed one. */
export function parseModelConfig(text: string, where: string): ModelConfig {
  const value = parseJson(text, where);
  const { model_type: modelType } = parseWith(z.looseObject({ model_type: z.string() }), value, where);
  return { ...architectureOf(modelType).parse(value, where), source: text };
}

/** Reads the config.json of a model folder. @throws as parseModelConfig, and not-found. */
export async function readModelConfig(dir: string): Promise<ModelConfig> {
  const path = join(dir, 'config.json');
  return parseModelConfig(await readTextFile(path), path);
}

/** Ids of the special tokens, from the tokenizer; null where it names none. */
export interface SpecialTokens {
  bosId: number | null;
  eosId: number | null;
  padId: number | null;
}

/** A list of ids stays where the tokenizer's is one of them; what the tokenizer does not name stays as it was. */
function endIds(before: unknown, eosId: number | null): unknown {
  const isKept = eosId === null || (Array.isArray(before) && before.includes(eosId));
  return isKept ? (before ?? null) : eosId;
}

/** Fields that tell a sequence classifier with one label; none on a language model. */
function headFields(source: Readonly<Record<string, unknown>>, isClassifier: boolean): Record<string, unknown> {
  const { num_labels: _count, id2label: _names, label2id: _ids, problem_type: _kind, ...rest } = source;
  return isClassifier ? { ...rest, num_labels: 1 } : rest;
}

/** The text of config.json of a model with the given head and number format of its weights, under Hugging Face's names. */
export function configText(
  config: ModelConfig,
  { head, dtype = 'float32', bosId, eosId, padId }: SpecialTokens & { head: 'causal-lm' | 'scalar'; dtype?: Dtype },
): string {
  const source =
    config.source === null
      ? llamaFields(config)
      : (parseKeepingFloats(config.source) as Readonly<Record<string, unknown>>);
  const { causalLm, classifier } = architectureOf(config.modelType);
  const isClassifier = head === 'scalar';
  const fields = {
    ...headFields(source, isClassifier),
    architectures: [isClassifier ? classifier : causalLm],
    bos_token_id: bosId ?? source.bos_token_id ?? null,
    eos_token_id: endIds(source.eos_token_id, eosId),
    // A pad token beyond the embedding table would keep transformers from loading the model.
    pad_token_id: padId !== null && padId < config.vocab ? padId : null,
    // The older name stays where it was used, and in a new model, for older readers.
    [source.dtype === undefined ? 'torch_dtype' : 'dtype']: dtype,
  };
  return `${stringifyWithFloats(fields)}\n`;
}
