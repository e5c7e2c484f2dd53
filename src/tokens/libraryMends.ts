// Where @huggingface/tokenizers differs from the `tokenizers` it follows (data/goldens/make_tokenizer_goldens.py shows
// both), mended on the loaded object; what cannot be mended is refused by name.
import type { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';

const File = z.looseObject({
  model: z.looseObject({ type: z.string().nullish(), byte_fallback: z.boolean().nullish() }),
  added_tokens: z.array(z.looseObject({ content: z.string(), single_word: z.boolean().nullish() })).nullish(),
});

const KINDS = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'];

/** What of a tokenizer.json the library would read wrongly, or null. */
export function refusalOf(tokenizerJson: unknown): string | null {
  const file = File.safeParse(tokenizerJson);
  if (!file.success) return 'expected a model and added tokens';
  const { model, added_tokens } = file.data;
  if (model.type !== null && model.type !== undefined && !KINDS.includes(model.type)) {
    return `expected a model of the kinds ${KINDS.join(', ')}, got ${model.type}`;
  }
  const word = added_tokens?.find((token) => token.single_word === true);
  return word === undefined
    ? null
    : `its added token ${JSON.stringify(word.content)} counts only as a whole word (single_word)`;
}

/** The parts of the library's object that are mended; its types do not name them. */
interface Decoder {
  config: { type?: string };
  decoders?: Decoder[];
  decode_chain(tokens: string[]): string[];
}
interface Model {
  config: { type?: string; byte_fallback?: boolean };
  tokens_to_ids: Map<string, number>;
  encode(tokens: string[]): string[];
}
interface Parts {
  decoder: Decoder | null;
  model: Model;
}

const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes; where they are no UTF-8, a replacement character for each. */
function textOf(bytes: ReadonlyArray<number>): string {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return '\ufffd'.repeat(bytes.length);
  }
}

/** Joins runs of byte tokens. The library's own drops a byte order mark, and counts replacement characters otherwise. */
function joinBytes(tokens: string[]): string[] {
  const joined: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) joined.push(textOf(bytes));
    bytes = [];
  };
  for (const token of tokens) {
    const hex = BYTE.exec(token)?.[1];
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else {
      flush();
      joined.push(token);
    }
  }
  flush();
  return joined;
}

/** The library knows byte fallback in BPE only. */
function addByteFallback(model: Model): void {
  const encode = model.encode.bind(model);
  model.encode = (tokens) =>
    encode(tokens).flatMap((token) => {
      if (model.tokens_to_ids.has(token)) return [token];
      const bytes = [...Buffer.from(token, 'utf8')].map(
        (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
      );
      return bytes.every((byte) => model.tokens_to_ids.has(byte)) ? bytes : [token];
    });
}

/** Mends a loaded tokenizer. */
export function mend(tokenizer: Tokenizer, tokenizerJson: unknown): void {
  const { decoder, model } = tokenizer as unknown as Parts;
  const file = File.parse(tokenizerJson);
  for (const part of decoder === null ? [] : (decoder.decoders ?? [decoder])) {
    if (part.config.type === 'ByteFallback') part.decode_chain = joinBytes;
  }
  const isUnigram = file.model.type === 'Unigram' || Array.isArray(file.model.vocab);
  if (isUnigram && file.model.byte_fallback === true) addByteFallback(model);
}
