// A small random Llama and a small trained tokenizer, written as a model folder, for tests.
// The tokenizer is the one in data/goldens/tinyTokenizer (trained by `fourfold tokenizer train` on the corpus beside it):
// 6 special tokens, 256 bytes, merges; a smaller vocabulary is its beginning, since merges only ever build on earlier ones.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../../core/packageRoot.ts';
import * as tf from '../../engine/tf.ts';
import { type LlamaShape, llamaConfig } from '../architectures/llama.ts';
import type { ModelConfig } from '../config.ts';
import { type Model, modelOf, newModel, saveModel } from '../model.ts';
import { copyParameters, outputName, SCORE_HEAD } from '../parameters.ts';

export const TINY_TOKENIZER = packagePath('data', 'goldens', 'tinyTokenizer');
/** Entries of the whole tokenizer. */
export const TINY_VOCAB = 320;
/** Special tokens and bytes: the smallest vocabulary. */
const LEAST_VOCAB = 262;
/** Ids of <|endoftext|>, <|end|> and <|pad|>. */
export const TINY_TOKENS = { bosId: 0, eosId: 1, padId: 5 };

/** 2 layers, hidden 16, 4 heads that share 2 key-value heads, context 128, tied embeddings. */
export const TINY_CONFIG: ModelConfig = llamaConfig({
  vocab: TINY_VOCAB,
  hidden: 16,
  intermediate: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  maxPositions: 128,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  tieEmbeddings: true,
});

/** Deviations from the defaults that makeTinyModel takes. */
export interface TinyModelOptions {
  seed: number;
  /** From 262 (no merges) to 320. */
  vocabSize?: number;
  /** A reward model with a random head instead of a language model. */
  head?: 'causal-lm' | 'scalar';
  config?: Partial<Omit<LlamaShape, 'vocab'>>;
}

interface TokenizerJson {
  model: { vocab: Record<string, number>; merges: Array<[string, string]> };
}

/** Writes the tokenizer's two files, cut to the first `vocabSize` entries. */
export async function writeTinyTokenizer(dir: string, vocabSize = TINY_VOCAB): Promise<void> {
  if (vocabSize < LEAST_VOCAB || vocabSize > TINY_VOCAB)
    throw new Error(`Expected a vocabulary of ${LEAST_VOCAB} to ${TINY_VOCAB}; got ${vocabSize}.`);
  const json: TokenizerJson = JSON.parse(await readFile(join(TINY_TOKENIZER, 'tokenizer.json'), 'utf8'));
  const entries = Object.entries(json.model.vocab).filter(([, id]) => id < vocabSize);
  json.model.vocab = Object.fromEntries(entries);
  json.model.merges = json.model.merges.slice(0, vocabSize - LEAST_VOCAB);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(json));
  await copyFile(join(TINY_TOKENIZER, 'tokenizer_config.json'), join(dir, 'tokenizer_config.json'));
}

/** A random scalar head on the model's trunk; the trunk is a copy. */
function withScalarHead(model: Model, seed: number): Model {
  const parameters = copyParameters(model.parameters);
  if (!model.config.tieEmbeddings) {
    parameters.get(outputName(model.config))?.dispose();
    parameters.delete(outputName(model.config));
  }
  const values = tf.randomNormal([1, model.config.hidden], 0, 1, 'float32', seed);
  parameters.set(SCORE_HEAD, tf.variable(values));
  values.dispose();
  return modelOf('scalar', model.config, parameters);
}

/**
 * Writes a model folder (config.json, model.safetensors, tokenizer) into `dir`, which is made where missing.
 * The engine must run (startEngine). The same seed gives the same weights. No tensor is left over.
 */
export async function makeTinyModel(
  dir: string,
  { seed, vocabSize = TINY_VOCAB, head = 'causal-lm', config = {} }: TinyModelOptions,
): Promise<void> {
  await writeTinyTokenizer(dir, vocabSize);
  const languageModel = newModel(llamaConfig({ ...TINY_CONFIG, ...config, vocab: vocabSize }), seed);
  const model = head === 'scalar' ? withScalarHead(languageModel, seed) : languageModel;
  await saveModel(dir, model, TINY_TOKENS);
  model.dispose();
  if (model !== languageModel) languageModel.dispose();
}
