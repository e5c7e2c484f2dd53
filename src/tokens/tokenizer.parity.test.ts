// Ids and renderings beside those of Hugging Face tokenizers and transformers (data/goldens/make_model_goldens.py).
import { readFile } from 'node:fs/promises';
import { packagePath } from '../core/packageRoot.ts';
import type { Message } from '../core/records.ts';
import { renderPrompt } from './rendering.ts';
import { loadTokenizer } from './tokenizer.ts';

interface Goldens {
  texts: Array<{ text: string; ids: number[]; idsWithSpecial: number[]; decoded: string }>;
  conversations: Array<{ messages: Message[]; text: string; ids: number[] }>;
}

const goldens: Goldens = JSON.parse(await readFile(packagePath('data', 'goldens', 'tokenizer.json'), 'utf8'));
const tokenizer = await loadTokenizer(packagePath('data', 'goldens', 'tinyTokenizer'));

test.each(goldens.texts.map((golden) => [JSON.stringify(golden.text), golden] as const))('%s', (_name, golden) => {
  const { text, ids, idsWithSpecial, decoded } = golden;
  expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(ids);
  expect(tokenizer.encode(text, { addSpecialTokens: true })).toEqual(idsWithSpecial);
  expect(tokenizer.decode(ids)).toBe(decoded);
});

test.each(goldens.conversations.map((golden) => [JSON.stringify(golden.messages), golden] as const))(
  'conversation %s',
  (_name, { messages, text, ids }) => {
    expect(tokenizer.chatTemplate?.render(messages, true)).toBe(text);
    expect(renderPrompt(tokenizer, messages)).toEqual(ids);
  },
);
