import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { renderConversation, renderPrompt, renderReply } from './rendering.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

const TINY = packagePath('data', 'goldens', 'tinyTokenizer');
const [BOS, END, USER, ASSISTANT] = [0, 1, 3, 4];
const tokenizer = await loadTokenizer(TINY);
const messages = [{ role: 'user' as const, content: 'What is it?' }];
const plain = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-rendering-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function withTemplate(template: string | null): Promise<Tokenizer> {
  await tokenizer.copyTo(dir);
  if (template === null) await rm(join(dir, 'tokenizer_config.json'));
  else await writeFile(join(dir, 'chat_template.jinja'), template);
  return loadTokenizer(dir);
}

test('a prompt ends where the reply begins', () => {
  expect(renderPrompt(tokenizer, messages)).toEqual([BOS, USER, ...plain('What is it?'), END, ASSISTANT]);
});

test('the mask begins at the first token of the reply and takes in its end of turn', () => {
  const prompt = renderPrompt(tokenizer, messages);
  const { ids, isResponseToken } = renderReply(tokenizer, messages, 'The cat.');
  expect(ids).toEqual([...prompt, ...plain('The cat.'), END]);
  expect(isResponseToken).toEqual([...prompt.map(() => false), ...plain('The cat.').map(() => true), true]);
});

test('a reply that would merge with the prompt keeps the border', () => {
  // 'Wh' is one token, so a template that ends in W and a reply that begins with h would merge if encoded together.
  const prompt = [{ role: 'user' as const, content: 'x' }];
  return withTemplate('{% for m in messages %}{{ m.content }}W{% endfor %}').then((changed) => {
    expect(plain('Wh')).toHaveLength(1);
    const { ids, isResponseToken } = renderReply(changed, prompt, 'h');
    expect(ids).toEqual([...plain('x'), ...plain('W'), ...plain('h'), ...plain('W')]);
    expect(isResponseToken).toEqual([false, false, true, true]);
  });
});

test('an unfinished reply has no end of turn', () => {
  const prompt = renderPrompt(tokenizer, messages);
  const { ids, isResponseToken } = renderReply(tokenizer, messages, 'The c', { isFinished: false });
  expect(ids).toEqual([...prompt, ...plain('The c')]);
  expect(isResponseToken.filter(Boolean)).toHaveLength(plain('The c').length);
});

test('an empty reply is its end of turn alone; an empty unfinished one has no response token', () => {
  const prompt = renderPrompt(tokenizer, messages);
  expect(renderReply(tokenizer, messages, '')).toEqual({
    ids: [...prompt, END],
    isResponseToken: [...prompt.map(() => false), true],
  });
  const unfinished = renderReply(tokenizer, messages, '', { isFinished: false });
  expect(unfinished.ids).toEqual(prompt);
  expect(unfinished.isResponseToken).not.toContain(true);
});

test('a reply sampled token by token and rendered again gives the tokens of the reply', () => {
  const reply = ' 是 the name?';
  const { ids } = renderReply(tokenizer, messages, reply);
  expect(ids.slice(renderPrompt(tokenizer, messages).length)).toEqual([...plain(reply), END]);
});

test('a template that changes the prompt when a reply follows is refused', async () => {
  const changing = await withTemplate(
    '{{ messages | length }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}' +
      '{% if add_generation_prompt %}<|assistant|>{% endif %}',
  );
  expect(() => renderReply(changing, messages, 'x')).toThrow(/renders the prompt differently/);
  expect(renderPrompt(changing, messages).length).toBeGreaterThan(0);
});

test('a model without a template is refused, with the way out', async () => {
  const bare = await withTemplate(null);
  for (const render of [() => renderPrompt(bare, messages), () => renderReply(bare, messages, 'x')]) {
    expect(render).toThrow(
      expect.objectContaining({ code: 'bad-model', message: expect.stringContaining('the model has none. Add one.') }),
    );
  }
});

describe('a whole conversation', () => {
  const turns = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'The cat.' },
    { role: 'user', content: 'b' },
    { role: 'assistant', content: '' },
  ];
  const said = (rendering: { ids: number[]; isResponseToken: boolean[] }) =>
    rendering.ids.filter((_, i) => rendering.isResponseToken[i]);

  test('without marks, each of the assistant’s turns with its end is masked', () => {
    const rendering = renderConversation(tokenizer, turns);
    expect(said(rendering)).toEqual([...plain('The cat.'), END, END]);
    const last = renderReply(tokenizer, turns.slice(0, 3), '');
    expect(rendering.ids).toEqual(last.ids);
  });

  test('the marks of a template say what is masked', async () => {
    const marked = await withTemplate(
      "{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}<|end|>{% endgeneration %}\n" +
        '{% else %}{{ m.content }}{% endif %}{% endfor %}',
    );
    expect(said(renderConversation(marked, turns))).toEqual([...plain('The cat.'), END, END]);
  });

  test('marks that do not pair are refused', async () => {
    const broken = await withTemplate('{% generation %}{% for m in messages %}{{ m.content }}{% endfor %}');
    expect(() => renderConversation(broken, turns)).toThrow(/do not pair/);
  });

  test('a template that changes earlier turns when later ones follow is refused', async () => {
    const changing = await withTemplate('{% for m in messages %}{{ m.content if loop.last else "x" }}{% endfor %}');
    expect(() => renderConversation(changing, turns)).toThrow(/renders the prompt differently/);
  });
});

test('what a template writes after the end of turn is no part of the reply', async () => {
  const withBreak = await withTemplate('{% for m in messages %}{{ m.content }}<|end|>\n{% endfor %}');
  const { ids } = renderReply(withBreak, messages, 'The cat.');
  expect(ids).toEqual([...plain('What is it?'), END, ...plain('\n'), ...plain('The cat.'), END]);
});

describe('a tokenizer that puts a space before every text', () => {
  const SPACED = packagePath('data', 'goldens', 'tokenizers', 'byteFallbackLegacy');
  const withSpaced = async (template: string) => {
    await cp(SPACED, dir, { recursive: true });
    await writeFile(join(dir, 'chat_template.jinja'), template);
    return loadTokenizer(dir);
  };
  const prompt = [{ role: 'user', content: 'warm?' }];
  const INST =
    '{% for m in messages %}{% if m.role == "user" %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}';

  test('the prompt’s ids begin the whole, and the reply has no space of its own', async () => {
    const spaced = await withSpaced(INST);
    expect(spaced.isConcatenative).toBe(false);
    expect(tokenizer.isConcatenative).toBe(true);
    const { ids, isResponseToken } = renderReply(spaced, prompt, 'The lamp.');
    const before = renderPrompt(spaced, prompt);
    expect(ids.slice(0, before.length)).toEqual(before);
    expect(ids).toEqual(spaced.encode('[INST] warm? [/INST] The lamp.</s>', { addSpecialTokens: false }));
    expect(isResponseToken.filter((is) => !is)).toHaveLength(before.length);
    expect(spaced.decode(ids)).toBe('[INST] warm? [/INST] The lamp.');
  });

  test('a reply that merges with the prompt is refused, with the way out', async () => {
    const merging = await withSpaced(
      '{% for m in messages %}{{ m.content }}{% if m.role == "user" %} the lam{% endif %}{% endfor %}',
    );
    expect(() => renderReply(merging, prompt, 'p stood')).toThrow(/End the generation prompt with a special token/);
  });
});
