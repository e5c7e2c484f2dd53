import { packagePath } from '../core/packageRoot.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { textStream } from './textStream.ts';

const load = (name: string) => loadTokenizer(packagePath('data', 'goldens', 'tokenizers', name));
const TEXTS = ['The lamp stood on the window sill.', '灯在窗台上 😀 👩‍👩‍👧 née', ' two  spaces\n\n and a\ttab ', ''];

test.each(['byteLevelQwen', 'byteFallbackMetaspace', 'byteFallbackLegacy', 'unigramByteFallback'])(
  'the pieces of %s are whole characters and make the text',
  async (name) => {
    const tokenizer = await load(name);
    for (const text of TEXTS) {
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      const stream = textStream(tokenizer.decode, []);
      const pieces = ids.map((id) => stream.push(id));
      pieces.push(stream.end());
      expect(pieces.join('')).toBe(tokenizer.decode(ids));
      expect(pieces.some((piece) => piece.includes('\ufffd'))).toBe(false);
    }
  },
);

test('a character that never becomes whole is told at the end', async () => {
  const tokenizer = await load('byteLevelQwen');
  const ids = tokenizer.encode('a😀', { addSpecialTokens: false }).slice(0, -1);
  const stream = textStream(tokenizer.decode, []);
  expect(ids.map((id) => stream.push(id)).join('')).toBe('a');
  expect(stream.end()).toBe('\ufffd');
});

describe('stop texts', () => {
  // One character a token.
  const decode = (ids: ReadonlyArray<number>) => String.fromCharCode(...ids);
  const run = (text: string, stops: string[]) => {
    const stream = textStream(decode, stops);
    const pieces: string[] = [];
    for (const character of text) {
      pieces.push(stream.push(character.charCodeAt(0)));
      if (stream.isStopped) break;
    }
    pieces.push(stream.end());
    return { pieces, text: pieces.join(''), isStopped: stream.isStopped };
  };

  test('end the reply and are no part of it', () => {
    expect(run('one two three', ['two'])).toMatchObject({ text: 'one ', isStopped: true });
    expect(run('one two', ['none'])).toMatchObject({ text: 'one two', isStopped: false });
    expect(run('aab', ['ab', 'b'])).toMatchObject({ text: 'a', isStopped: true });
  });

  test('what may begin one is held back until it is certain', () => {
    // 't' could begin 'two', 'th' cannot: then both letters come at once.
    expect(run('a th', ['two']).pieces).toEqual(['a', ' ', '', 'th', '']);
    expect(run('a tw', ['two']).pieces).toEqual(['a', ' ', '', '', 'tw']);
  });
});
