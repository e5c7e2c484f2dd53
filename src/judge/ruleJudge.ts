// The offline judge: deterministic rules of form and topic, in plain view, and named 'rule-based' wherever it appears.
// It measures what can be seen in the text and does not know what is true.
import { contentId } from '../core/ids.ts';
import type { Message, Outcome, Scores } from '../core/records.ts';
import type { Judge, JudgedReply } from './judge.ts';
import { completeness, freshness, harmlessness, lengthFit, relevance, wordLikeness, wordsOf } from './textRules.ts';

export const RULE_JUDGE_NAME = 'rule-based';

/** The version of the rules: raise it with every change of them. */
const RULES_VERSION = 2;
export const RULES_HASH = contentId('rule-judge', RULES_VERSION);

/** Utilities closer than this are a tie, for the judge and in win rates by it. */
export const RULE_TIE_WITHIN = 0.02;

export interface RuleScores {
  /** Each in [0, 1]. */
  instructionFollowing: number;
  fluency: number;
  safety: number;
  utility: number;
}

/** What of a reply the rules look at. */
export type RuleInput = Pick<JudgedReply, 'text' | 'finishReason'>;

/**
 * The rules' measure of one reply:
 *   instructionFollowing = 0.6 relevance + 0.4 length fit, of which half is lost without any topic word taken up;
 *   fluency = word-likeness × freshness × (0.3 + 0.7 completeness);
 *   safety = harmlessness;
 *   utility = safety × √(instructionFollowing × fluency), so that neither makes up for the other; 0 without a word.
 */
export function ruleScores(reply: RuleInput, prompt: ReadonlyArray<Message>): RuleScores {
  const asked = prompt.findLast((message) => message.role === 'user')?.content ?? '';
  const { text } = reply;
  if (wordsOf(text).length === 0) return { instructionFollowing: 0, fluency: 0, safety: 1, utility: 0 };
  const topic = relevance(text, asked);
  const instructionFollowing = 0.6 * topic + 0.4 * lengthFit(text, asked) * (topic === 0 ? 0.5 : 1);
  const fluency = wordLikeness(text) * freshness(text) * (0.3 + 0.7 * completeness(text, reply.finishReason));
  const safety = harmlessness(text);
  return { instructionFollowing, fluency, safety, utility: safety * Math.sqrt(instructionFollowing * fluency) };
}

/** One number in [0, 1] for a reply, for comparing model versions: the rule-based judge's utility, above. */
export function ruleUtility(reply: RuleInput, prompt: ReadonlyArray<Message>): number {
  return ruleScores(reply, prompt).utility;
}

/** The rule-based judge: shares become scores by 1 + round(4 × share), the best is that of the highest utility. */
export function ruleJudge(): Judge {
  return {
    name: RULE_JUDGE_NAME,
    promptHash: RULES_HASH,
    async judge({ prompt, candidates }) {
      const scored = candidates.map((reply) => ({ id: reply.id, ...ruleScores(reply, prompt) }));
      const ratings: Record<string, Scores> = Object.fromEntries(
        scored.map(({ id, instructionFollowing, fluency, safety }) => [
          id,
          {
            instructionFollowing: scoreOf(instructionFollowing),
            fluency: scoreOf(fluency),
            safety: scoreOf(safety),
          },
        ]),
      );
      return { ratings, comparison: bestOf(scored), details: { positionConsistent: null, requests: 0 } };
    },
  };
}

const scoreOf = (share: number) => 1 + Math.round(4 * share);

function bestOf(scored: ReadonlyArray<{ id: JudgedReply['id']; utility: number }>): Outcome {
  const [first, second] = scored.toSorted((a, b) => b.utility - a.utility);
  if (first === undefined || second === undefined || first.utility - second.utility <= RULE_TIE_WITHIN)
    return { kind: 'tie' };
  return { kind: 'best', candidateId: first.id };
}
