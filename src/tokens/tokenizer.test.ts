import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { randomFrom } from '../core/random.ts';
import { FOURFOLD_CHAT } from './chatTemplate.ts';
import { loadTokenizer, type Tokenizer, writeTokenizer } from './tokenizer.ts';
import { toTokenizerJson, trainBpe } from './trainBpe.ts';

const SPECIAL = ['<|endoftext|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>', '<|pad|>'];
const KEPT = packagePath('data', 'goldens', 'tinyTokenizer', 'tokenizer.json');

let dir: string;
let tokenizer: Tokenizer;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-tokenizer-'));
  const { specialTokens, bosToken, eosToken, padToken, template } = FOURFOLD_CHAT;
  const bpe = trainBpe(['the cat sat on the mat', 'the hat'], { vocabSize: 264, specialTokens });
  await writeTokenizer(dir, toTokenizerJson(bpe, specialTokens, bosToken), { bosToken, eosToken, padToken, template });
  tokenizer = await loadTokenizer(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const plain = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
const put = (name: string, value: unknown) =>
  writeFile(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
const kept = async () => JSON.parse(await readFile(KEPT, 'utf8'));

describe('round trip', () => {
  /** Text of random code points of every UTF-8 length; surrogates are no characters. */
  function randomText(seed: number): string {
    const random = randomFrom(seed);
    const limits = [0x80, 0x800, 0x10000, 0x110000];
    return Array.from({ length: 30 }, () => {
      const code = random.integer(limits[random.integer(4)] ?? 0x80);
      return code >= 0xd800 && code < 0xe000 ? '�' : String.fromCodePoint(code);
    }).join('');
  }

  test.each([
    '',
    'the cat',
    ' leading and trailing ',
    'a\n\n\tb\r\n',
    '她说的是什么？',
    '👩‍👩‍👧‍👦 🇨🇳 👍🏽',
    'e\u0301 \u200b \u0000 \ufeff',
    "don't  I'LL we've",
    '<|user',
  ])('%j', (text) => {
    expect(tokenizer.decode(plain(text))).toBe(text);
  });

  test('two hundred random texts', () => {
    for (let seed = 0; seed < 200; seed++) {
      const text = randomText(seed);
      expect(tokenizer.decode(plain(text))).toBe(text);
    }
  });

  test('a character cut in the middle becomes a replacement character, not a failure', () => {
    const ids = plain('什');
    expect(ids).toHaveLength(3);
    expect(tokenizer.decode(ids.slice(0, 2))).toBe('�');
  });
});

describe('special tokens', () => {
  test('each is one token, wherever it stands, and is left out of decoded text', () => {
    expect(SPECIAL.map(plain)).toEqual([[0], [1], [2], [3], [4], [5]]);
    const ids = plain('<|user|>the cat<|end|>');
    expect([ids[0], ids.at(-1)]).toEqual([3, 1]);
    expect(tokenizer.decode(ids)).toBe('the cat');
  });

  test('the beginning token goes before a text only where asked for', () => {
    expect(tokenizer.encode('the', { addSpecialTokens: true })).toEqual([0, ...plain('the')]);
    expect(tokenizer.encode('', { addSpecialTokens: true })).toEqual([0]);
    expect(tokenizer).toMatchObject({ bosId: 0, eosId: 1, padId: 5, vocabSize: 264 });
  });

  test('a tokenizer without a configuration has no beginning, no end, no pad token and no template', async () => {
    await rm(join(dir, 'tokenizer_config.json'));
    expect(await loadTokenizer(dir)).toMatchObject({ bosId: null, eosId: null, padId: null, chatTemplate: null });
  });

  test('special tokens may be written as objects, and an unknown one counts as none', async () => {
    await put('tokenizer_config.json', { bos_token: { content: '<|endoftext|>', lstrip: false }, eos_token: '<eos>' });
    expect(await loadTokenizer(dir)).toMatchObject({ bosId: 0, eosId: null, padId: null });
  });
});

describe('chat template', () => {
  const messages = [{ role: 'user' as const, content: 'x' }];

  test('the one named default is taken of several; a file of its own goes first', async () => {
    const several = [
      { name: 'tool_use', template: 'tool' },
      { name: 'default', template: 'default {{ messages[0].content }}' },
    ];
    await put('tokenizer_config.json', { chat_template: several });
    expect((await loadTokenizer(dir)).chatTemplate?.render(messages, false)).toBe('default x');
    await put('chat_template.jinja', 'file {{ messages[0].content }}');
    expect((await loadTokenizer(dir)).chatTemplate?.render(messages, false)).toBe('file x');
  });

  test('one that does not compile is refused', async () => {
    await put('chat_template.jinja', '{% for x in %}');
    await expect(loadTokenizer(dir)).rejects.toMatchObject({ code: 'bad-model' });
  });

  test('one that refuses the conversation says why', async () => {
    await put('chat_template.jinja', "{{ raise_exception('no system role here') }}");
    const { chatTemplate } = await loadTokenizer(dir);
    expect(() => chatTemplate?.render(messages, true)).toThrow('no system role here');
  });
});

describe('files', () => {
  test('copies travel whole, and the contract is the same there', async () => {
    await put('chat_template.jinja', 'x');
    const source = await loadTokenizer(dir);
    const target = join(dir, 'copy');
    await mkdir(target);
    await source.copyTo(target);
    const copy = await loadTokenizer(target);
    expect(copy.contract).toBe(source.contract);
    expect(copy.chatTemplate?.render([], true)).toBe('x');
  });

  test('the contract tells two vocabularies and two templates apart', async () => {
    await put('chat_template.jinja', 'another');
    const otherTemplate = await loadTokenizer(dir);
    await put('tokenizer.json', await kept());
    const otherVocabulary = await loadTokenizer(dir);
    expect(new Set([tokenizer, otherTemplate, otherVocabulary].map(({ contract }) => contract)).size).toBe(3);
  });

  test('a missing one is named', async () => {
    await rm(join(dir, 'tokenizer.json'));
    await expect(loadTokenizer(dir)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('tokenizer.json'),
    });
  });

  test.each([
    ['no JSON', () => '{"model":'],
    ['a list', () => []],
    ['null', () => null],
    ['no model', () => ({ version: '1.0' })],
    ['an empty model', (json: object) => ({ ...json, model: {} })],
    ['an unknown part', (json: object) => ({ ...json, pre_tokenizer: { type: 'Nope' } })],
    ['no added tokens', (json: object) => ({ ...json, added_tokens: null })],
    ['an empty vocabulary', (json: object) => withVocab(json, {})],
    ['an id below 0', (json: object) => withVocab(json, { a: -1 })],
    ['an id beyond every vocabulary', (json: object) => withVocab(json, { a: 4_294_967_294 })],
    ['an id that is no number', (json: object) => withVocab(json, { a: 'x' })],
  ])('tokenizer.json with %s is refused', async (_name, change) => {
    await put('tokenizer.json', change(await kept()) ?? 'null');
    await expect(loadTokenizer(dir)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining(join(dir, 'tokenizer.json')),
    });
  });

  test.each(['{', '[]', '{"bos_token": 3}', '{"chat_template": {}}'])(
    'tokenizer_config.json %j is refused',
    async (text) => {
      await put('tokenizer_config.json', text);
      await expect(loadTokenizer(dir)).rejects.toMatchObject({
        code: 'bad-input',
        message: expect.stringContaining('tokenizer_config.json'),
      });
    },
  );

  test('a vocabulary of 150,000 entries loads', async () => {
    const json = await kept();
    for (let id = 320; id < 150_000; id++) json.model.vocab[`token ${id}`] = id;
    await put('tokenizer.json', json);
    expect((await loadTokenizer(dir)).vocabSize).toBe(150_000);
  });
});

function withVocab(json: object, vocab: object): object {
  return { ...json, added_tokens: [], model: { type: 'BPE', vocab, merges: [] } };
}
