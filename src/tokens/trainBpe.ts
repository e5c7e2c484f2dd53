// Training of a byte-level BPE vocabulary, written in the form of a Hugging Face tokenizer.json.
// Algorithm: Sennrich, Haddow and Birch (2016), algorithm 1, over bytes instead of characters (Radford et al. 2019).
import { FourfoldError } from '../core/errors.ts';
import { BYTE_CHARACTERS, toByteCharacters, WORD_PATTERN } from './byteLevel.ts';

export interface BpeOptions {
  /** Entries in all: special tokens, 256 bytes, merges. */
  vocabSize: number;
  /** Special tokens in the order of their ids, from 0. */
  specialTokens: ReadonlyArray<string>;
  /** A pair seen less often than this is not merged. */
  minFrequency?: number;
}

export interface Bpe {
  /** Id by token. */
  vocab: Record<string, number>;
  merges: Array<[string, string]>;
}

interface Word {
  ids: number[];
  count: number;
}

const BYTES = 256;
/** Two ids in one number; ids stay below 2^21. */
const keyOf = (left: number, right: number) => left * 2 ** 21 + right;

function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(WORD_PATTERN)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** The most frequent pair; among equals the one of the lowest ids, so that training is deterministic. */
function bestPair(pairs: ReadonlyMap<number, number>): { key: number; count: number } | null {
  let best: { key: number; count: number } | null = null;
  for (const [key, count] of pairs) {
    if (best === null || count > best.count || (count === best.count && key < best.key)) best = { key, count };
  }
  return best;
}

function addPairs(word: Word, sign: 1 | -1, pairs: Map<number, number>): void {
  for (let i = 0; i + 1 < word.ids.length; i++) {
    const key = keyOf(word.ids[i] ?? 0, word.ids[i + 1] ?? 0);
    const count = (pairs.get(key) ?? 0) + sign * word.count;
    if (count > 0) pairs.set(key, count);
    else pairs.delete(key);
  }
}

function mergeIn(ids: ReadonlyArray<number>, left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      result.push(merged);
      i++;
    } else result.push(ids[i] ?? 0);
  }
  return result;
}

/**
 * Learns merges from the texts.
 * @throws bad-option where the vocabulary cannot hold the special tokens and the 256 bytes.
 */
export function trainBpe(texts: Iterable<string>, { vocabSize, specialTokens, minFrequency = 2 }: BpeOptions): Bpe {
  const floor = specialTokens.length + BYTES;
  if (vocabSize < floor) {
    throw new FourfoldError(
      'bad-option',
      `Expected a vocabulary of at least ${floor} (${specialTokens.length} special tokens and 256 bytes), got ${vocabSize}.`,
    );
  }
  const tokens = [...specialTokens, ...BYTE_CHARACTERS];
  const idOfByte = new Map(BYTE_CHARACTERS.map((character, byte) => [character, specialTokens.length + byte]));
  const words: Word[] = [...countWords(texts)].map(([text, count]) => ({
    ids: [...toByteCharacters(text)].map((character) => idOfByte.get(character) ?? 0),
    count,
  }));
  const pairs = new Map<number, number>();
  for (const word of words) addPairs(word, 1, pairs);
  const merges: Bpe['merges'] = [];
  while (tokens.length < vocabSize) {
    const best = bestPair(pairs);
    if (best === null || best.count < minFrequency) break;
    const left = Math.floor(best.key / 2 ** 21);
    const right = best.key % 2 ** 21;
    merges.push([tokens[left] ?? '', tokens[right] ?? '']);
    const merged = tokens.push(`${tokens[left]}${tokens[right]}`) - 1;
    for (const word of words) {
      if (!word.ids.some((id, i) => id === left && word.ids[i + 1] === right)) continue;
      addPairs(word, -1, pairs);
      word.ids = mergeIn(word.ids, left, right, merged);
      addPairs(word, 1, pairs);
    }
  }
  return { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

/** The tokenizer.json of a byte-level BPE. `bosToken` goes before every text that is encoded with special tokens. */
export function toTokenizerJson(
  { vocab, merges }: Bpe,
  specialTokens: ReadonlyArray<string>,
  bosToken: string,
): object {
  const bosId = vocab[bosToken];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: bosToken, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: bosToken, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { [bosToken]: { id: bosToken, ids: [bosId], tokens: [bosToken] } },
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges,
    },
  };
}
