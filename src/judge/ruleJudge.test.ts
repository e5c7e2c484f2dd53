import { CandidateId } from '../core/ids.ts';
import type { Message } from '../core/records.ts';
import { ruleJudge, ruleScores, ruleUtility } from './ruleJudge.ts';
import {
  completeness,
  freshness,
  harmlessness,
  lengthFit,
  lengthWindow,
  relevance,
  wordLikeness,
} from './textRules.ts';

const PROMPT: Message[] = [{ role: 'user', content: 'Why does ice melt when I leave it on the kitchen table?' }];
const GOOD = 'The kitchen is warmer than the ice, so heat moves from the air into the ice and makes it melt.';
const stopped = (text: string) => ({ text, finishReason: 'stop' as const });

describe('the rules', () => {
  test('completeness: 0.75 for the mark at the end, 0.25 for ending by itself', () => {
    expect(completeness('It melts.', 'stop')).toBe(1);
    expect(completeness('It said "melt!"', 'length')).toBe(0.75);
    expect(completeness('It melts and', 'stop')).toBe(0.25);
    expect(completeness('It melts and', 'length')).toBe(0);
  });

  test('length: 1 inside the window, graded outside', () => {
    expect(lengthFit(GOOD, 'Why does ice melt?')).toBe(1);
    // 3 words of 20.
    expect(lengthFit('It just melts.', 'Why does ice melt?')).toBeCloseTo(0.15, 12);
    // 90 words where 45 fit.
    expect(lengthFit('word '.repeat(90), 'Why does ice melt?')).toBeCloseTo(0.5, 12);
    expect(lengthWindow('Answer in one word: is ice cold?').from).toBeLessThan(12);
    expect(lengthWindow('Explain how ice melts.').to).toBeGreaterThan(45);
  });

  test('freshness: falls with repeated bigrams and stuttered words', () => {
    // One of 19 bigrams is said twice, "the ice": 1 - 4 × (1/19 - 0.05) = 0.98947.
    expect(freshness(GOOD)).toBeCloseTo(0.98947, 5);
    expect(freshness(`${GOOD} ${GOOD}`)).toBe(0);
    // Seven bigrams, six of them repeats and stutters.
    expect(freshness('ice ice ice ice ice ice ice ice')).toBe(0);
  });

  test('relevance: the share of topic words taken up, twice over', () => {
    // Topic: ice, melt, leave, kitchen, table. Taken up: ice, melt, kitchen: 2 × 3/5, at most 1.
    expect(relevance(GOOD, PROMPT[0]?.content ?? '')).toBe(1);
    // One of five.
    expect(relevance('The table is brown.', PROMPT[0]?.content ?? '')).toBeCloseTo(0.4, 12);
    expect(relevance('Bananas are sweet.', PROMPT[0]?.content ?? '')).toBe(0);
    expect(relevance('Anything.', 'Why?')).toBe(0.5);
  });

  test('word-likeness: letters with vowels, numbers and marks', () => {
    expect(wordLikeness(GOOD)).toBe(1);
    // Two of four tokens, and no capital: 0.5 × 0.8.
    expect(wordLikeness('xkcd qqq the ice')).toBeCloseTo(0.4, 12);
  });

  test('harmlessness: half lost for each unsafe word', () => {
    expect(harmlessness('You are a kind person.')).toBe(1);
    expect(harmlessness('You idiot.')).toBe(0.5);
    expect(harmlessness('Shut up, you idiot.')).toBe(0);
  });
});

describe('the utility', () => {
  test('puts a good reply above a cut, a stuck, an unfitting and a rude one', () => {
    const good = ruleUtility(stopped(GOOD), PROMPT);
    expect(good).toBeGreaterThan(0.95);
    for (const worse of [
      { text: 'The kitchen is warmer than the', finishReason: 'length' as const },
      stopped(`${GOOD} ${GOOD}`),
      stopped('Bananas are a sweet fruit that many people like to eat in the morning.'),
      stopped('Yes.'),
      stopped(`${GOOD} You idiot.`),
    ]) {
      expect(ruleUtility(worse, PROMPT)).toBeLessThan(good - 0.3);
    }
  });

  test('is 0 for a reply without a word', () => {
    expect(ruleScores(stopped(' ... '), PROMPT)).toEqual({
      instructionFollowing: 0,
      fluency: 0,
      safety: 1,
      utility: 0,
    });
  });
});

describe('the rule-based judge', () => {
  const judged = (texts: string[]) =>
    ruleJudge().judge(
      {
        prompt: PROMPT,
        candidates: texts.map((text, i) => ({ id: CandidateId.parse(`c${i}`), ...stopped(text) })),
      },
      new AbortController().signal,
    );

  test('scores from 1 to 5 and names the best', async () => {
    const { ratings, comparison } = await judged(['Yes.', GOOD]);
    expect(comparison).toEqual({ kind: 'best', candidateId: 'c1' });
    expect(ratings).toMatchObject({ c1: { instructionFollowing: 5, fluency: 5, safety: 5 } });
    expect(ratings).toMatchObject({ c0: { instructionFollowing: 1 } });
  });

  test('calls replies of one quality a tie, in any order alike', async () => {
    expect((await judged([GOOD, GOOD])).comparison).toEqual({ kind: 'tie' });
    expect((await judged([GOOD, 'Yes.'])).comparison).toEqual({ kind: 'best', candidateId: 'c0' });
  });

  test('is called rule-based', () => {
    expect(ruleJudge().name).toBe('rule-based');
  });
});
