import { readFile } from 'node:fs/promises';
import { packagePath } from '../core/packageRoot.ts';
import { FOURFOLD_CHAT } from './chatTemplate.ts';
import { toTokenizerJson, trainBpe } from './trainBpe.ts';

const BYTES = 256;
const merges = (texts: string[], count: number, minFrequency = 2) =>
  trainBpe(texts, { vocabSize: BYTES + count, specialTokens: [], minFrequency }).merges.map((pair) => pair.join('+'));

describe('merges', () => {
  test('the most frequent pair first, counted within words', () => {
    // Words: low x5, lower x2, newest x6, widest x3, each by itself (the sample of Sennrich, Haddow and Birch 2016).
    // e-s: 6 + 3 = 9, s-t: 9, t: none after. Tie of 9 between es and st: 'e' (101) before 's' (115), so es.
    // Then es-t: 9; then l-o: 5 + 2 = 7, o-w: 7: 'l' (108) before 'o' (111), so lo; then lo-w: 7.
    // Then n-e: 6, e-w: 6, w-est: 6 of newest; 'e' (101) is the lowest, so ew; then n-ew: 6.
    const corpus = ['low', 'lower', 'newest', 'widest'].flatMap((word, i) =>
      new Array<string>([5, 2, 6, 3][i] ?? 0).fill(word),
    );
    expect(merges(corpus, 7)).toEqual(['e+s', 'es+t', 'l+o', 'lo+w', 'e+w', 'n+ew', 'new+est']);
  });

  test('a run of one letter is merged from the left, without overlap', () => {
    // aaaaa: the pairs a-a count 4, merged once: aa aa a; then aa-aa counts 1 and aa-a 1: too few for 2.
    expect(merges(['aaaaa'], 5)).toEqual(['a+a']);
    // Twice the text: aa-aa 2, aa-a 2, a tie. 'a' is id 64 (rank among bytes), aa is 256: left equal, right a is lower.
    // aa aa a -> aa aaa, then aa-aaa 2.
    expect(merges(['aaaaa', 'aaaaa'], 5)).toEqual(['a+a', 'aa+a', 'aa+aaa']);
  });

  test('a pair never reaches across words; the space before a word belongs to it', () => {
    // Words: 'a', ' b' x3: the only pair is space-b (3). The last 'a' and the next ' ' are never a pair.
    expect(merges(['a b', 'a b', 'a b'], 5)).toEqual(['Ġ+b']);
  });

  test('training ends where no pair is frequent enough, or where the vocabulary is full', () => {
    expect(merges(['ab'], 5)).toEqual([]);
    expect(merges(['ab'], 5, 1)).toEqual(['a+b']);
    expect(merges(['abcd', 'abcd'], 2)).toEqual(['a+b', 'c+d']);
    expect(merges(['abcd', 'abcd'], 0)).toEqual([]);
  });

  test('the order of the texts changes nothing', () => {
    const texts = ['the cat', 'the hat', 'that chat', 'a cheat'];
    expect(merges([...texts].reverse(), 20)).toEqual(merges(texts, 20));
  });

  test('characters beyond ASCII are merged from their UTF-8 bytes', () => {
    // 是 is E6 98 AF: pairs E6-98 and 98-AF count 2 each; 98 comes after E6 (ids are byte values), but the key is the
    // left id first: 0x98 < 0xE6, so 98-AF is merged first. Byte 98 is shown as U+013A, AF as itself, E6 as itself.
    expect(merges(['是', '是'], 5)).toEqual(['ĺ+¯', 'æ+ĺ¯']);
  });
});

describe('vocabulary', () => {
  test('special tokens, bytes in order, merges', () => {
    const { vocab } = trainBpe(['ab ab'], { vocabSize: 300, specialTokens: ['<s>', '</s>'] });
    expect(vocab['<s>']).toBe(0);
    expect(vocab['</s>']).toBe(1);
    // Byte 0 is shown as U+0100, '!' (33) and 'a' (97) as themselves, a space (32) as U+0120.
    expect([vocab.Ā, vocab['!'], vocab.a, vocab.Ġ]).toEqual([2, 2 + 33, 2 + 97, 2 + 32]);
    expect(vocab.ab).toBe(2 + BYTES);
    expect(Object.keys(vocab)).toHaveLength(2 + BYTES + 1);
  });

  test('too small a vocabulary is refused with the smallest that works', () => {
    expect(() => trainBpe([], { vocabSize: 257, specialTokens: ['<s>', '</s>'] })).toThrow('at least 258');
    expect(Object.keys(trainBpe([], { vocabSize: 258, specialTokens: ['<s>', '</s>'] }).vocab)).toHaveLength(258);
  });
});

test('the tokenizer kept for tests is what training on its corpus gives, byte for byte', async () => {
  const folder = (name: string) => packagePath('data', 'goldens', 'tinyTokenizer', name);
  const corpus = await readFile(folder('corpus.txt'), 'utf8');
  const { specialTokens, bosToken } = FOURFOLD_CHAT;
  const bpe = trainBpe([corpus.trim()], { vocabSize: 320, specialTokens });
  const json = `${JSON.stringify(toTokenizerJson(bpe, specialTokens, bosToken), null, 1)}\n`;
  expect(json).toBe(await readFile(folder('tokenizer.json'), 'utf8'));
});
