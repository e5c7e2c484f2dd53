// Whole files that the mutations start from: small, and of every kind that loaders tell apart.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../../src/core/packageRoot.ts';
import { writeTensors } from '../../src/model/safetensorsWriter.ts';

/** Safetensors of several tensors in float32 and bfloat16, made by our writer, and one made by the safetensors library. */
export async function wholeSafetensors(dir: string): Promise<Buffer[]> {
  const source = {
    shapes: new Map([
      ['model.a', [2, 3]],
      ['model.b', [4]],
      ['model.scalar', []],
      ['model.none', [0, 7]],
    ]),
    read: async (name: string) =>
      Float32Array.from({ length: { a: 6, b: 4, scalar: 1 }[name.slice(6)] ?? 0 }, (_, i) => i / 3),
  };
  const files: Buffer[] = [];
  for (const format of ['F32', 'BF16'] as const) {
    await writeTensors(join(dir, format), source, format);
    files.push(await readFile(join(dir, format)));
  }
  files.push(await readFile(packagePath('data', 'goldens', 'llamas', 'tied', 'model.safetensors')));
  return files;
}

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const added = (id: number, content: string) => ({
  ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
});

/** SentencePiece's BPE with byte fallback, as Llama 2 has it. */
const BYTE_FALLBACK = {
  version: '1.0',
  added_tokens: [added(0, '<unk>'), added(1, '<s>'), added(2, '</s>')],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    fuse_unk: true,
    byte_fallback: true,
    vocab: Object.fromEntries(
      ['<unk>', '<s>', '</s>', ...BYTES, '▁', 't', 'h', 'e', 'a', 'th', 'the', '▁the', '▁a'].map((token, id) => [
        token,
        id,
      ]),
    ),
    merges: [
      ['t', 'h'],
      ['th', 'e'],
      ['▁', 'the'],
      ['▁', 'a'],
    ],
  },
};

/** Unigram over Metaspace, as T5 has it. */
const UNIGRAM = {
  version: '1.0',
  added_tokens: [added(0, '<pad>'), added(1, '</s>'), added(2, '<unk>')],
  normalizer: { type: 'NFKC' },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: '\\p{N}|\\s+' }, behavior: 'Isolated', invert: false },
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    ],
  },
  post_processor: null,
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  model: {
    type: 'Unigram',
    unk_id: 2,
    vocab: ['<pad>', '</s>', '<unk>', '▁', '▁the', 'the', 't', 'h', 'e', '▁a', 'a', 'b', '1'].map((piece, i) => [
      piece,
      -i / 2,
    ]),
    byte_fallback: false,
  },
};

/** tokenizer.json of byte-level BPE, BPE with byte fallback, and Unigram. */
export async function wholeTokenizers(): Promise<object[]> {
  const path = packagePath('data', 'goldens', 'tinyTokenizer', 'tokenizer.json');
  return [JSON.parse(await readFile(path, 'utf8')) as object, BYTE_FALLBACK, UNIGRAM];
}
