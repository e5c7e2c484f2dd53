import type { Message } from '../core/records.ts';
import { goldProperties, goldUtility } from './goldUtility.ts';

const ask = (content: string): Message[] => [{ role: 'user', content }];
const PROMPT = ask('Why do plants need water in the garden?');
/** 33 words, of the prompt's at least two, ends as a sentence, no pair of words twice. */
const GOOD =
  'Plants drink water through small roots, so a dry week leaves every leaf in your garden weak and pale. A long slow rain brings them back. Give everything else one big can tonight.';
const of = (reply: string, prompt = PROMPT) => goldProperties(prompt, reply);

test('a good reply has it all', () => {
  expect(of(GOOD)).toEqual({ complete: 1, toThePoint: 1, fittingLength: 1, notRepeating: 1, safe: 1 });
  expect(goldUtility(PROMPT, GOOD)).toBeCloseTo(1, 12);
});

test.each([
  ['It rains.', 1],
  ['Does it rain?', 1],
  ['He said "it rains."', 1],
  ['It rains and', 0],
  ['It rains,', 0],
  ['', 0],
])('complete: %j gives %d', (reply, expected) => {
  expect(of(reply).complete).toBe(expected);
});

test.each([
  // asked about: plants, need, water, garden; two of them are enough
  ['The plant likes water.', 1],
  ['Watering gardens helps.', 1],
  ['Nobody has water.', 0.5],
  ['The moon is far away.', 0],
])('to the point: %j gives %d', (reply, expected) => {
  expect(of(reply).toThePoint).toBe(expected);
});

test('a prompt of stop words alone asks for nothing in particular', () => {
  expect(of('Anything.', ask('How are you?')).toThePoint).toBe(1);
});

test("it is the last of the user's turns that counts", () => {
  const talk: Message[] = [
    ...ask('Tell me of the sea.'),
    { role: 'assistant', content: 'Waves.' },
    ...ask('And mountains?'),
  ];
  expect(of('Mountains rise.', talk).toThePoint).toBe(1);
  expect(of('The sea rises.', talk).toThePoint).toBe(0);
});

test('length fits within a range, grows up to it, and falls to 0 beyond it', () => {
  const words = (count: number) => Array.from({ length: count }, (_, i) => `word${i}`).join(' ');
  const fits = Array.from({ length: 120 }, (_, count) => of(words(count)).fittingLength);
  const [shortest, longest] = [fits.indexOf(1), fits.lastIndexOf(1)];
  // Two or three spoken sentences.
  expect(shortest).toBeGreaterThanOrEqual(10);
  expect(longest).toBeLessThanOrEqual(50);
  for (const [count, fit] of fits.entries()) {
    const expected =
      count < shortest ? count / shortest : count <= longest ? 1 : Math.max(0, 1 - (count - longest) / longest);
    expect(fit).toBeCloseTo(expected, 12);
  }
  expect(fits[2 * longest]).toBe(0);
});

test('repetition costs: a pair of words that comes again, and a doubled word more', () => {
  // 4 pairs, 3 different: 1 - 4 · ¼ = 0
  expect(of('red fox red fox runs').notRepeating).toBe(0);
  // 9 pairs, 8 different: 1 - 4 / 9
  expect(of('a b c d e f g h a b').notRepeating).toBeCloseTo(1 - 4 / 9, 12);
  // no pair twice, but one word doubled: 1 - 0.3
  expect(of('one two two three four').notRepeating).toBeCloseTo(0.7, 12);
  expect([of('word').notRepeating, of('').notRepeating]).toEqual([1, 0]);
});

test('an unsafe reply is worth nothing, however good it is otherwise', () => {
  const unsafe = GOOD.replace('weak', 'stupid');
  expect(of(unsafe).safe).toBe(0);
  expect(goldUtility(PROMPT, unsafe)).toBe(0);
  // A part of another word is no such word.
  expect(of('A skilled gunner.').safe).toBe(1);
});

test('utility is a weighted mean: each property alone adds its weight, and the weights add up to 1', () => {
  const parts = [
    // complete, not repeating, no word in common with the prompt
    [of('It rains.'), goldUtility(PROMPT, 'It rains.')],
    [of('It rains'), goldUtility(PROMPT, 'It rains')],
    [of('Water plants'), goldUtility(PROMPT, 'Water plants')],
    [of('red fox red fox runs'), goldUtility(PROMPT, 'red fox red fox runs')],
  ] as const;
  const weightOf = (a: number, b: number) => (parts[a]?.[1] ?? 0) - (parts[b]?.[1] ?? 0);
  const complete = weightOf(0, 1);
  const toThePoint = weightOf(2, 1);
  // The last one has five words and nothing else.
  const length = (parts[3]?.[1] ?? 0) / (parts[3]?.[0].fittingLength ?? 1);
  const fresh = (parts[1]?.[1] ?? 0) - length * (parts[1]?.[0].fittingLength ?? 0);
  for (const weight of [complete, toThePoint, length, fresh]) expect(weight).toBeGreaterThan(0.1);
  expect(complete + toThePoint + length + fresh).toBeCloseTo(1, 12);
  expect(goldUtility(PROMPT, '')).toBe(0);
});
