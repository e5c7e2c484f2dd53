import { ArtifactId, CandidateId, contentId, looksLikeId, PromptId } from './ids.ts';
import { type Candidate, itemsOf, PromptLine } from './records.ts';

const set = ArtifactId.parse('candidate-set-1');
const candidate = (prompt: string, i: number): Candidate => ({
  id: CandidateId.parse(`${prompt}-${i}`),
  promptId: PromptId.parse(prompt),
  model: 'sft-1',
  sampleIndex: i,
  seed: i,
  sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 8 },
  text: 'x',
  finishReason: 'stop',
});
const candidates = (prompt: string, count: number) => Array.from({ length: count }, (_, i) => candidate(prompt, i));

test('a prompt with many candidates is split into items of near equal size, each candidate once', () => {
  const items = itemsOf(set, candidates('p', 8), 3);
  // ceil(8 / 3) = 3 items; candidate i goes to item i mod 3.
  expect(items.map((item) => item.candidateIds)).toEqual([
    ['p-0', 'p-3', 'p-6'],
    ['p-1', 'p-4', 'p-7'],
    ['p-2', 'p-5'],
  ]);
});

test('a prompt with one candidate makes no item, and ids follow from the content', () => {
  const items = itemsOf(set, [...candidates('a', 2), ...candidates('b', 1)]);
  expect(items.map((item) => item.promptId)).toEqual(['a']);
  expect(itemsOf(set, candidates('a', 2))).toEqual(items);
  expect(itemsOf(ArtifactId.parse('candidate-set-2'), candidates('a', 2))[0]?.id).not.toBe(items[0]?.id);
});

test('a prompt line is one user turn or a conversation, never both or neither', () => {
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  expect(PromptLine.parse({ id: 'a', prompt: 'Hi' })).toEqual(PromptLine.parse({ id: 'a', messages }));
  expect(PromptLine.safeParse({ id: 'a', prompt: 'Hi', messages }).success).toBe(false);
  expect(PromptLine.safeParse({ id: 'a' }).success).toBe(false);
  expect(PromptLine.safeParse({ id: 'a', prompt: 'Hi', promt: 'x' }).success).toBe(false);
});

test('an id is safe as a file name', () => {
  expect(['a', 'sft-1', 'A.b_c'].every(looksLikeId)).toBe(true);
  expect(['', '..', '.a', 'a/b', 'a b', '-a', 'a\n', 'x'.repeat(129)].some(looksLikeId)).toBe(false);
  expect(contentId('a', 1)).toMatch(/^[0-9a-f]{12}$/);
  expect(contentId('a', 1)).not.toBe(contentId('a1'));
});
