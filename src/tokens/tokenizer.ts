// A model's tokenizer: tokenizer.json read by @huggingface/tokenizers, special tokens, chat template.
import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FourfoldError, messageOf } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import { type ChatTemplate, compileChatTemplate } from './chatTemplate.ts';

/** The files of a tokenizer in a model's folder; those present travel together. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
] as const;

const SpecialToken = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .transform((token) => (typeof token === 'string' ? token : token.content));

const TokenizerConfig = z.looseObject({
  bos_token: SpecialToken.nullish(),
  eos_token: SpecialToken.nullish(),
  pad_token: SpecialToken.nullish(),
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
});

/** Far above any vocabulary; the library makes a list as long as the highest id. */
const MAX_ID = 2 ** 22 - 1;

/** What the library takes as it comes. A vocabulary is by token, or in Unigram models a list in the order of the ids. */
const VocabularyHolder = z.looseObject({
  model: z.looseObject({
    vocab: z.union([z.array(z.unknown()), z.looseObject({})]),
    unk_token: z.string().nullish(),
    // Dropout of merges draws at random; the same text must give the same ids.
    dropout: z.literal(0).nullish(),
  }),
  added_tokens: z.array(z.looseObject({ id: z.int().min(0).max(MAX_ID), content: z.string() })).optional(),
});

export interface Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number | null;
  /** The token that ends a turn. */
  readonly eosId: number | null;
  /** The token that fills up short rows; null where the tokenizer names none. */
  readonly padId: number | null;
  readonly chatTemplate: ChatTemplate | null;
  /** SHA-256 over tokenizer and template: two models with one hash read text alike. */
  readonly contract: string;
  /** Token ids of a text; `addSpecialTokens` adds what the tokenizer puts around a text (a beginning token). */
  encode(text: string, options: { addSpecialTokens: boolean }): number[];
  /** Text of token ids, special tokens left out. */
  decode(ids: ReadonlyArray<number>): string;
  /** Writes the tokenizer's files into another folder. */
  copyTo(dir: string): Promise<void>;
}

async function readOptional(path: string): Promise<string | null> {
  return existsSync(path) ? readTextFile(path) : null;
}

/** A template may be one text or a list of named ones, of which `default` is taken. */
function templateSource(config: z.infer<typeof TokenizerConfig>, file: string | null): string | null {
  if (file !== null) return file;
  if (typeof config.chat_template === 'string') return config.chat_template;
  return config.chat_template?.find((entry) => entry.name === 'default')?.template ?? null;
}

/** The ids of the model's own vocabulary must be whole numbers; the library takes them as they come. */
function checkIds(tokenizerJson: unknown): void {
  const { model } = parseWith(VocabularyHolder, tokenizerJson, 'its vocabulary');
  const wrong = Object.entries(model.vocab).find(
    ([, id]) => !Number.isInteger(id) || Number(id) < 0 || Number(id) > MAX_ID,
  );
  if (wrong !== undefined && !Array.isArray(model.vocab)) {
    throw new Error(
      `expected whole numbers from 0 to ${MAX_ID} as ids, but ${JSON.stringify(wrong[0])} has ${JSON.stringify(wrong[1])}`,
    );
  }
  if (Object.keys(model.vocab).length === 0) throw new Error('expected a vocabulary, got an empty one');
}

/** One more than the highest id. A loop, since a vocabulary is too long for the arguments of Math.max. */
function vocabSizeOf(inner: HuggingFaceTokenizer): number {
  let size = 0;
  for (const id of inner.get_vocab(true).values()) size = Math.max(size, id + 1);
  return size;
}

/** Texts on which a tokenizer must work before it is taken: letters, digits, a space, another script, an emoji. */
const PROBES = ['a', ' The cat, 12:30.\n', 'é猫🐈'];

/** The library takes parts of a tokenizer as they come and fails at the first text: this finds it out at once. */
function checkWorks(inner: HuggingFaceTokenizer): void {
  for (const text of PROBES) {
    const ids: number[] = inner.encode(text, { add_special_tokens: true }).ids;
    const odd = ids.filter((id) => !Number.isInteger(id) || id < 0 || id > MAX_ID);
    if (odd.length > 0)
      throw new Error(`expected whole numbers from 0 to ${MAX_ID} as ids of a text, got ${JSON.stringify(odd[0])}`);
    if (ids.length > 0) inner.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }
}

/**
 * Loads the tokenizer of a model folder.
 * @throws not-found where tokenizer.json is missing; bad-model where a file is not what it should be.
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const path = join(dir, 'tokenizer.json');
  const json = await readTextFile(path);
  const configText = (await readOptional(join(dir, 'tokenizer_config.json'))) ?? '{}';
  const config = parseWith(
    TokenizerConfig,
    parseJson(configText, join(dir, 'tokenizer_config.json')),
    join(dir, 'tokenizer_config.json'),
  );
  const template = templateSource(config, await readOptional(join(dir, 'chat_template.jinja')));
  let inner: HuggingFaceTokenizer;
  try {
    const parsed = parseJson(json, path);
    checkIds(parsed);
    inner = new HuggingFaceTokenizer(parsed as object, config);
    checkWorks(inner);
  } catch (error) {
    throw new FourfoldError('bad-model', `${path} is not a tokenizer this program can read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const idOf = (token: string | null | undefined) => (token ? (inner.token_to_id(token) ?? null) : null);
  return {
    vocabSize: vocabSizeOf(inner),
    bosId: idOf(config.bos_token),
    eosId: idOf(config.eos_token),
    padId: idOf(config.pad_token),
    chatTemplate:
      template === null
        ? null
        : compileChatTemplate(template, { bosToken: config.bos_token ?? '', eosToken: config.eos_token ?? '' }),
    contract: sha256(JSON.stringify([json, config.bos_token ?? null, config.eos_token ?? null, template])),
    encode: (text, { addSpecialTokens }) => inner.encode(text, { add_special_tokens: addSpecialTokens }).ids,
    decode: (ids) =>
      ids.length === 0
        ? ''
        : inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    async copyTo(target) {
      for (const name of TOKENIZER_FILES) {
        if (existsSync(join(dir, name))) await copyFile(join(dir, name), join(target, name));
      }
    },
  };
}

/** Writes tokenizer.json and tokenizer_config.json. */
export async function writeTokenizer(
  dir: string,
  tokenizerJson: object,
  {
    bosToken,
    eosToken,
    padToken,
    template,
  }: { bosToken: string; eosToken: string; padToken: string; template: string },
): Promise<void> {
  await writeFile(join(dir, 'tokenizer.json'), `${JSON.stringify(tokenizerJson, null, 1)}\n`);
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: bosToken,
    eos_token: eosToken,
    pad_token: padToken,
    clean_up_tokenization_spaces: false,
    chat_template: template,
  };
  await writeFile(join(dir, 'tokenizer_config.json'), `${JSON.stringify(config, null, 1)}\n`);
}
