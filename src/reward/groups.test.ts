import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pair, Prompt } from '../core/records.ts';
import { writeTinyTokenizer } from '../model/testing/tinyModel.ts';
import { renderReply } from '../tokens/rendering.ts';
import { loadTokenizer, type Tokenizer } from '../tokens/tokenizer.ts';
import { type PairSources, pairGroups } from './groups.ts';

let dir: string;
let tokenizer: Tokenizer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-groups-'));
  await writeTinyTokenizer(dir);
  tokenizer = await loadTokenizer(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const TEXTS: Record<string, string> = { a: 'The best reply.', b: 'A fair one', c: 'no', d: 'so so' };
const messages = [{ role: 'user' as const, content: 'Go' }];
const sources: PairSources = {
  prompts: new Map(['p-1', 'p-2'].map((id) => [id, Prompt.parse({ id, messages })])),
  finish: new Map([
    ['a', 'stop'],
    ['b', 'length'],
  ]),
};
const pairOf = (promptId: string, chosenId: string, rejectedId: string, split = 'train') =>
  Pair.parse({
    id: `${promptId}-${chosenId}-${rejectedId}`,
    ...{ promptId, split, chosenId, rejectedId, softLabel: 1, margin: 0 },
    ...{ chosen: TEXTS[chosenId], rejected: TEXTS[rejectedId] },
    provenance: { judgementIds: [], preferences: {}, models: { chosen: 'm', rejected: 'm' } },
  });
const groupsOf = (pairs: Pair[], maxLength = 99) => pairGroups(pairs, sources, { tokenizer, maxLength });

test('the pairs of a prompt are one group, in which each reply is read once', () => {
  const pairs = [pairOf('p-1', 'a', 'b'), pairOf('p-2', 'c', 'd'), pairOf('p-1', 'a', 'c'), pairOf('p-1', 'b', 'c')];
  const { groups, tooLong } = groupsOf(pairs);
  expect(tooLong).toBe(0);
  expect(groups.map((group) => group.pairs.length)).toEqual([3, 1]);
  expect(groups[0]).toMatchObject({ chosenAt: [0, 0, 1], rejectedAt: [1, 2, 2] });
  expect(groups[0]?.sequences).toHaveLength(3);
});

test('a reply that ran out of tokens is read without an end of turn, a finished one with it', () => {
  const [group] = groupsOf([pairOf('p-1', 'a', 'b')]).groups;
  expect(group?.sequences[0]).toEqual(renderReply(tokenizer, messages, 'The best reply.'));
  expect(group?.sequences[0]?.ids.at(-1)).toBe(tokenizer.eosId);
  expect(group?.sequences[1]).toEqual(renderReply(tokenizer, messages, 'A fair one', { isFinished: false }));
  expect(group?.sequences[1]?.ids.at(-1)).not.toBe(tokenizer.eosId);
});

test('pairs that do not fit are left out one by one, and counted', () => {
  const lengthOf = (text: string) => renderReply(tokenizer, messages, text).ids.length;
  const pairs = [pairOf('p-1', 'a', 'c'), pairOf('p-1', 'd', 'c'), pairOf('p-2', 'a', 'd')];
  const { groups, tooLong } = groupsOf(pairs, lengthOf('The best reply.') - 1);
  expect(tooLong).toBe(2);
  expect(groups.map((group) => group.pairs.map(({ id }) => id))).toEqual([['p-1-d-c']]);
});

test('pairs of different splits are never in one group, even if they are of one prompt', () => {
  const { groups } = groupsOf([pairOf('p-1', 'a', 'b'), pairOf('p-1', 'c', 'd', 'heldout')]);
  expect(groups.map((group) => group.pairs.map(({ split }) => split))).toEqual([['train'], ['heldout']]);
});

test('a pair of an unknown prompt is named', () => {
  expect(() => groupsOf([pairOf('p-9', 'a', 'b')])).toThrow(/p-9-a-b: its prompt p-9/);
});
