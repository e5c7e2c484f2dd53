// Figures of the replies as texts: how long, how often ended, how repetitive, how varied.
import { z } from 'zod';
import type { EvaluatedReply } from './evaluatedReply.ts';

export const ReplyStatistics = z.strictObject({
  replies: z.int(),
  /** Means over the replies. */
  words: z.number(),
  tokens: z.number(),
  /** Share of replies that ended their turn by themselves. */
  stopShare: z.number(),
  /** Mean over the replies of the share of their word trigrams that stood in them before. */
  repetition: z.number(),
  /** Distinct word bigrams among all bigrams of all replies (Li et al. 2016, distinct-2). */
  distinct2: z.number(),
});
export type ReplyStatistics = z.infer<typeof ReplyStatistics>;

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** The words of a text in lower case, without punctuation, in any script. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const { segment, isWordLike } of segmenter.segment(text)) {
    if (isWordLike === true) words.push(segment.toLowerCase());
  }
  return words;
}

/** Runs of n words, each joined by blanks. */
function runsOf(words: ReadonlyArray<string>, n: number): string[] {
  return words.slice(0, Math.max(0, words.length - n + 1)).map((_, i) => words.slice(i, i + n).join(' '));
}

/** 1 - distinct / all; 0 where there is nothing that could repeat. */
function repeatedShare(runs: ReadonlyArray<string>): number {
  return runs.length === 0 ? 0 : 1 - new Set(runs).size / runs.length;
}

const meanOf = (values: ReadonlyArray<number>) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

export function replyStatistics(
  replies: ReadonlyArray<Pick<EvaluatedReply, 'text' | 'tokens' | 'finishReason'>>,
): ReplyStatistics {
  const words = replies.map((reply) => wordsOf(reply.text));
  const bigrams = words.flatMap((list) => runsOf(list, 2));
  return {
    replies: replies.length,
    words: meanOf(words.map((list) => list.length)),
    tokens: meanOf(replies.map((reply) => reply.tokens)),
    stopShare: meanOf(replies.map((reply) => (reply.finishReason === 'stop' ? 1 : 0))),
    repetition: meanOf(words.map((list) => repeatedShare(runsOf(list, 3)))),
    distinct2: bigrams.length === 0 ? 0 : new Set(bigrams).size / bigrams.length,
  };
}
