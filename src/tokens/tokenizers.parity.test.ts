// Every kind of tokenizer, its templates and loss masks, beside Hugging Face tokenizers and transformers
// (data/goldens/make_tokenizer_goldens.py).
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { packagePath } from '../core/packageRoot.ts';
import { compileChatTemplate, type TemplateMessage } from './chatTemplate.ts';
import { renderConversation, renderPrompt } from './rendering.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

interface Conversation {
  template: string;
  name: string;
  messages: TemplateMessage[];
  tools?: unknown[];
  documents?: unknown[];
  text: string;
  prompt: string;
  promptIds: number[];
  ids?: number[];
  mask?: number[];
}

interface Golden {
  texts: Array<{ text: string; ids: number[]; idsWithSpecial: number[]; decoded: string }>;
  decoded: Array<{ ids: number[]; decoded: string }>;
  conversations?: Conversation[];
}

const { templates, ...goldens }: { templates: Record<string, string> } & Record<string, Golden> = JSON.parse(
  await readFile(packagePath('data', 'goldens', 'tokenizers.json'), 'utf8'),
);
const folderOf = (name: string) =>
  name === 'stories260K'
    ? packagePath('..', 'shared', 'fixtures', name)
    : packagePath('data', 'goldens', 'tokenizers', name);

describe.each(Object.entries(goldens as Record<string, Golden>))('%s', (name, golden) => {
  const isThere = existsSync(folderOf(name));
  if (!isThere) process.stderr.write(`skipped: no fixture at ${folderOf(name)}\n`);
  const testWhereThere = isThere ? test : test.skip;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    if (isThere) tokenizer = await loadTokenizer(folderOf(name));
  });

  testWhereThere('texts to ids', () => {
    for (const { text, ids, idsWithSpecial } of golden.texts) {
      expect([text, tokenizer.encode(text, { addSpecialTokens: false })]).toEqual([text, ids]);
      expect([text, tokenizer.encode(text, { addSpecialTokens: true })]).toEqual([text, idsWithSpecial]);
    }
  });

  testWhereThere('ids to texts, torn characters too', () => {
    for (const { ids, decoded } of [...golden.texts, ...golden.decoded]) {
      expect([ids, tokenizer.decode(ids)]).toEqual([ids, decoded]);
    }
  });

  for (const golden of goldens[name]?.conversations ?? []) {
    const { template, messages, text, prompt, promptIds, ids, mask, tools, documents } = golden;
    const extras = { ...(tools === undefined ? {} : { tools }), ...(documents === undefined ? {} : { documents }) };
    test(`template ${template}: ${golden.name}`, () => {
      const special = name.startsWith('byteLevel')
        ? { bos_token: '<|endoftext|>', eos_token: '<|im_end|>' }
        : { bos_token: '<s>', eos_token: '</s>' };
      const chatTemplate = compileChatTemplate({ default: templates[template] ?? '' }, special);
      const templated: Tokenizer = { ...tokenizer, chatTemplate };
      expect(chatTemplate.render(messages, false, extras)).toBe(text);
      expect(chatTemplate.render(messages, true, extras)).toBe(prompt);
      expect(renderPrompt(templated, messages, extras)).toEqual(promptIds);
      if (ids === undefined || mask === undefined) return;
      const rendering = renderConversation(templated, messages, extras);
      expect(rendering.ids).toEqual(ids);
      expect(rendering.isResponseToken.map(Number)).toEqual(mask);
    });
  }
});
