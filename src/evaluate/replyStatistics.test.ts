import { replyStatistics, wordsOf } from './replyStatistics.ts';

const reply = (text: string, finishReason: 'stop' | 'length' = 'stop') => ({ text, tokens: 4, finishReason });

describe('replyStatistics', () => {
  test('counts words in lower case without punctuation', () => {
    expect(wordsOf('Well, it’s 3 o’clock!')).toEqual(['well', 'it’s', '3', 'o’clock']);
  });

  test('repetition is the share of trigrams that stood before, distinct-2 that of different bigrams', () => {
    // 'a b c a b c': trigrams abc bca cab abc, one of four repeated. 'x': no trigram, 0. Mean 0.125.
    // Bigrams: ab bc ca ab bc, three different of five.
    const statistics = replyStatistics([reply('a b c a b c'), reply('x', 'length')]);
    expect(statistics).toEqual({
      replies: 2,
      words: 3.5,
      tokens: 4,
      stopShare: 0.5,
      repetition: 0.125,
      distinct2: 0.6,
    });
  });

  test('of nothing is nothing', () => {
    expect(replyStatistics([])).toEqual({ replies: 0, words: 0, tokens: 0, stopShare: 0, repetition: 0, distinct2: 0 });
    expect(replyStatistics([reply('')]).distinct2).toBe(0);
  });
});
