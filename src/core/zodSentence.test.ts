import { z } from 'zod';
import { PromptLine } from './records.ts';
import { sentenceOf } from './zodSentence.ts';

function sentence(schema: z.ZodType, value: unknown): string {
  const { error } = schema.safeParse(value);
  return error === undefined ? 'it fits' : sentenceOf(error, value);
}

test.each<[z.ZodType, unknown, string]>([
  [PromptLine, { id: 'a', prompt: 5 }, 'expected text at "prompt", got 5.'],
  [PromptLine, { id: 'a' }, 'expected either prompt or messages, got {"id":"a"}.'],
  [PromptLine, { prompt: 'x' }, 'expected text at "id", got nothing.'],
  [PromptLine, [1], 'expected an object, got [1].'],
  [PromptLine, { id: 'a', prompt: 'x', split: 'test' }, 'expected one of "train", "heldout" at "split", got "test".'],
  [PromptLine, { id: 'a', prompt: 'x', promt: 1 }, 'expected no key "promt".'],
  [PromptLine, { id: 'a', messages: [{ role: 'user' }] }, 'expected text at "messages.0.content", got nothing.'],
  [PromptLine, { id: 'a', prompt: '' }, 'expected string to have >=1 characters at "prompt", got "".'],
  [
    z.strictObject({ at: z.iso.datetime() }),
    { at: 'x' },
    'expected something else (Invalid ISO datetime) at "at", got "x".',
  ],
])('%#: %j', (schema, value, expected) => {
  expect(sentence(schema, value)).toBe(expected);
});

test('long values are cut, and of many faults three are told', () => {
  const many = z.strictObject({ a: z.int(), b: z.int(), c: z.int(), d: z.int() });
  expect(sentence(many, { a: 'x'.repeat(100) })).toBe(
    `expected a number at "a", got "${'x'.repeat(59)}...; expected a number at "b", got nothing; ` +
      'expected a number at "c", got nothing; and 1 more.',
  );
});
