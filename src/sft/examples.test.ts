import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toJsonl } from '../core/jsonl.ts';
import { parsePrompts } from '../core/prompts.ts';
import { writeTinyTokenizer } from '../model/testing/tinyModel.ts';
import { loadTokenizer, type Tokenizer } from '../tokens/tokenizer.ts';
import { demonstrationExamples, splitExamples, textBlocks } from './examples.ts';

let dir: string;
let tokenizer: Tokenizer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-examples-'));
  await writeTinyTokenizer(dir);
  tokenizer = await loadTokenizer(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const prompts = (...lines: object[]) => parsePrompts(toJsonl(lines), 'test');
const textOf = (ids: ReadonlyArray<number>) => tokenizer.decode(ids);

test('the loss is on the demonstration and its end of turn, not on the prompt', () => {
  const [example] = demonstrationExamples(
    prompts({ id: 'a', prompt: 'Hello there', demonstration: 'Good day.' }),
    tokenizer,
    100,
  ).examples;
  const response = (example?.ids ?? []).filter((_, i) => example?.isResponseToken[i]);
  expect(textOf(response)).toBe('Good day.');
  expect(response.at(-1)).toBe(tokenizer.eosId);
  const rest = (example?.ids ?? []).filter((_, i) => !example?.isResponseToken[i]);
  expect(textOf(rest)).toBe('Hello there');
});

test('the loss may be on the earlier turns of the assistant too', () => {
  const lines = prompts({
    id: 'a',
    messages: [
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'first' },
      { role: 'user', content: 'Two' },
    ],
    demonstration: 'second',
  });
  const said = (lossOn: 'reply' | 'conversation') =>
    demonstrationExamples(lines, tokenizer, 100, lossOn).examples.map(({ ids, isResponseToken }) =>
      textOf(ids.filter((_, i) => isResponseToken[i])),
    );
  expect(said('reply')).toEqual(['second']);
  expect(said('conversation')).toEqual(['firstsecond']);
});

test('held-out demonstrations are no examples, long ones are counted', () => {
  const { examples, tooLong } = demonstrationExamples(
    prompts(
      { id: 'a', prompt: 'One', demonstration: 'first' },
      { id: 'b', prompt: 'Two', demonstration: 'SECRET', split: 'heldout' },
      { id: 'c', prompt: 'Three', demonstration: 'a long one '.repeat(40) },
      { id: 'd', prompt: 'No demonstration' },
    ),
    tokenizer,
    40,
  );
  expect(examples.map(({ ids }) => textOf(ids))).toEqual(['Onefirst']);
  expect(tooLong).toBe(1);
  const only = prompts({ id: 'b', prompt: 'Two', demonstration: 'SECRET', split: 'heldout' });
  expect(() => demonstrationExamples(only, tokenizer, 40)).toThrow('training prompts with a demonstration');
});

test('a demonstration without a token to learn is refused by name', async () => {
  const other = await mkdtemp(join(tmpdir(), 'fourfold-silent-'));
  await writeTinyTokenizer(other);
  const path = join(other, 'tokenizer_config.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  // The marks stand around nothing.
  const turns = "{% for m in messages %}{{ m['content'] }}{% endfor %}{% generation %}{% endgeneration %}";
  await writeFile(path, JSON.stringify({ ...config, chat_template: turns }));
  const silent = await loadTokenizer(other);
  const lines = prompts({ id: 'quiet', prompt: 'One', demonstration: 'first' });
  expect(() => demonstrationExamples(lines, silent, 100, 'conversation')).toThrow(
    'Prompt quiet: expected a demonstration with a token to learn, got none.',
  );
  await rm(other, { recursive: true });
});

test('blocks overlap by one token, so that each token but the first is predicted once', () => {
  const documents = ['The cat sat on the mat.', 'Another day came.'];
  const stream = documents.flatMap((text) => tokenizer.encode(text, { addSpecialTokens: true }));
  expect(stream[0]).toBe(tokenizer.bosId);
  for (const blockLength of [8, 9, stream.length, 200]) {
    const blocks = textBlocks(documents, tokenizer, blockLength);
    expect(blocks.every(({ ids }) => ids.length >= 2 && ids.length <= blockLength)).toBe(true);
    const predicted = blocks.flatMap(({ ids, isResponseToken }) => ids.filter((_, i) => isResponseToken[i]));
    expect(predicted).toEqual(stream.slice(1));
  }
});

test('the validation split is a partition that follows from the seed', () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  const { training, validation } = splitExamples(items, 0.25, 3);
  // round(20 · 0.25) = 5
  expect(validation).toHaveLength(5);
  expect([...training, ...validation].sort((a, b) => a - b)).toEqual(items);
  expect(splitExamples(items, 0.25, 3)).toEqual({ training, validation });
  expect(splitExamples(items, 0.25, 4).validation).not.toEqual(validation);
});

test('training always keeps an example', () => {
  expect(splitExamples(['only'], 0.5, 1)).toEqual({ training: ['only'], validation: [] });
  // round(2 · 0.5) = 1
  expect(splitExamples(['a', 'b'], 0.5, 1).training).toHaveLength(1);
  expect(splitExamples(['a', 'b'], 0, 1).validation).toEqual([]);
});
