// A model's tokenizer: tokenizer.json read by @huggingface/tokenizers, special tokens, chat template, and the contract that
// these make.
import { existsSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FourfoldError, messageOf } from '../core/errors.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import { type ChatTemplate, compileChatTemplate, type SpecialTokens } from './chatTemplate.ts';
import { type ContractParts, contractOf, contractPartsOf } from './contract.ts';
import { mend, refusalOf } from './libraryMends.ts';
import { readTemplates, TEMPLATE_FOLDER, TemplateSetting } from './templateFiles.ts';

const GENERATION_CONFIG = 'generation_config.json';

/** The files of a tokenizer in a model's folder (one is a folder); those present travel together. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  TEMPLATE_FOLDER,
  // It says which tokens end a reply.
  GENERATION_CONFIG,
] as const;

const SpecialToken = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .transform((token) => (typeof token === 'string' ? token : token.content));

const special = {
  bos_token: SpecialToken.nullish(),
  eos_token: SpecialToken.nullish(),
  pad_token: SpecialToken.nullish(),
  unk_token: SpecialToken.nullish(),
};
const SpecialTokensMap = z.looseObject(special);
const TokenizerConfig = z.looseObject({ ...special, chat_template: TemplateSetting });

const GenerationConfig = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });

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
  /** Every token that ends a reply: eosId, and those of generation_config.json. */
  readonly stopIds: ReadonlyArray<number>;
  readonly stopTokens: ReadonlyArray<string>;
  /** The token that fills up short rows; null where the tokenizer names none. */
  readonly padId: number | null;
  readonly chatTemplate: ChatTemplate | null;
  /** SHA-256 over tokenizer, template, end of text and padding: two models with one hash read text alike. */
  readonly contract: string;
  readonly contractParts: ContractParts;
  /** True where the ids of two texts, one after the other, are the two texts: no piece gets a space of its own in front. */
  readonly isConcatenative: boolean;
  /** Token ids of a text; `addSpecialTokens` adds what the tokenizer puts around a text (a beginning token). */
  encode(text: string, options: { addSpecialTokens: boolean }): number[];
  /** Text of token ids, special tokens left out. */
  decode(ids: ReadonlyArray<number>): string;
  /** Writes the tokenizer's files into another folder. */
  copyTo(dir: string): Promise<void>;
}

/** A JSON file of the folder, empty where it is missing. @throws bad-input. */
async function readSettings<S extends z.ZodType>(dir: string, name: string, schema: S): Promise<z.output<S>> {
  const path = join(dir, name);
  return parseWith(schema, existsSync(path) ? parseJson(await readTextFile(path), path) : {}, path);
}

/** The special tokens; an older folder has them in a file of their own. */
async function readSpecialTokens(dir: string, config: z.infer<typeof TokenizerConfig>): Promise<SpecialTokens> {
  const map = await readSettings(dir, 'special_tokens_map.json', SpecialTokensMap);
  const names = Object.keys(special) as Array<keyof typeof special>;
  const found = names.map((name) => [name, config[name] === undefined ? map[name] : config[name]] as const);
  return Object.fromEntries(found.flatMap(([name, token]) => (token ? [[name, token] as const] : [])));
}

/** The ids that end a reply, the turn's end first. */
async function readStopIds(dir: string, eosId: number | null): Promise<number[]> {
  const { eos_token_id } = await readSettings(dir, GENERATION_CONFIG, GenerationConfig);
  return [...new Set([eosId ?? [], eos_token_id ?? []].flat())];
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

/** @throws bad-model where the library cannot read the file, or would read it wrongly. */
function openTokenizer(tokenizerJson: unknown, config: object, path: string): HuggingFaceTokenizer {
  try {
    checkIds(tokenizerJson);
    const refusal = refusalOf(tokenizerJson);
    if (refusal !== null) throw new Error(refusal);
    const inner = new HuggingFaceTokenizer(tokenizerJson as object, config);
    mend(inner, tokenizerJson);
    checkWorks(inner);
    return inner;
  } catch (error) {
    throw new FourfoldError('bad-model', `${path} is not a tokenizer this program can read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Loads the tokenizer of a model folder.
 * @throws not-found where tokenizer.json is missing; bad-model where a file is not what it should be.
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const path = join(dir, 'tokenizer.json');
  const text = await readTextFile(path);
  const config = await readSettings(dir, 'tokenizer_config.json', TokenizerConfig);
  const templates = await readTemplates(dir, config.chat_template);
  let tokenizerJson: unknown;
  try {
    tokenizerJson = JSON.parse(text);
  } catch (error) {
    throw new FourfoldError('bad-model', `${path} is not a tokenizer this program can read: it is no JSON.`, {
      cause: error,
    });
  }
  const inner = openTokenizer(tokenizerJson, config, path);
  const tokens = await readSpecialTokens(dir, config);
  const idOf = (token: string | undefined) => (token === undefined ? null : (inner.token_to_id(token) ?? null));
  const eosId = idOf(tokens.eos_token);
  const vocabSize = vocabSizeOf(inner);
  const stopIds = (await readStopIds(dir, eosId)).filter((id) => id >= 0 && id < vocabSize);
  const stopTokens = stopIds.flatMap((id) => inner.id_to_token(id) ?? []);
  const contractParts = contractPartsOf({
    tokenizerJson: tokenizerJson as object,
    templates,
    bosToken: tokens.bos_token ?? null,
    stopTokens,
    padToken: tokens.pad_token ?? null,
  });
  const encode: Tokenizer['encode'] = (given, { addSpecialTokens }) =>
    inner.encode(given, { add_special_tokens: addSpecialTokens }).ids;
  const decode: Tokenizer['decode'] = (ids) =>
    ids.length === 0 ? '' : inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  const probe = encode('a', { addSpecialTokens: false });
  return {
    vocabSize,
    bosId: idOf(tokens.bos_token),
    eosId,
    stopIds,
    stopTokens,
    padId: idOf(tokens.pad_token),
    chatTemplate: templates === null ? null : compileChatTemplate(templates, tokens),
    contract: contractOf(contractParts),
    contractParts,
    isConcatenative: decode([...probe, ...probe]) === decode(probe) + decode(probe),
    encode,
    decode,
    async copyTo(target) {
      for (const name of TOKENIZER_FILES) {
        if (existsSync(join(dir, name))) await cp(join(dir, name), join(target, name), { recursive: true });
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
