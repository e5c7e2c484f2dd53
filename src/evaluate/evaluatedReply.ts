// One reply of the model under evaluation with what was measured of it: a line of an evaluation's samples.jsonl.
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { groupBy } from '../core/groupBy.ts';
import { PromptId } from '../core/ids.ts';
import type { Prompt } from '../core/records.ts';

export const EvaluatedReply = z.strictObject({
  promptId: PromptId,
  text: z.string(),
  /** Tokens of the reply, the end of turn included. */
  tokens: z.int().min(0),
  finishReason: z.enum(['stop', 'length']),
  /** By the reward model. */
  reward: z.number().optional(),
  /** Σ over the reply's tokens of log π(token) - log π_ref(token), nats: one sample's estimate of the KL. */
  klToReference: z.number().optional(),
});
export type EvaluatedReply = z.infer<typeof EvaluatedReply>;

/** How good a reply to a prompt is, in whatever unit its judge has; only comparisons use it. */
export type Utility = (prompt: Prompt, reply: EvaluatedReply) => number;

/** The reward model as a judge. @throws bad-input for a reply without a reward. */
export const rewardUtility: Utility = (prompt, reply) => {
  if (reply.reward === undefined) {
    throw new FourfoldError(
      'bad-input',
      `Expected a reward for every reply, the one to ${prompt.id} has none. Name a reward model.`,
    );
  }
  return reply.reward;
};

/**
 * Each prompt with its replies, in the prompts' order.
 * @throws bad-input for a prompt without a reply or a reply to a prompt that is not listed: either would make the
 * figures speak of other prompts than they claim to.
 */
export function repliesByPrompt(
  prompts: ReadonlyArray<Prompt>,
  replies: ReadonlyArray<EvaluatedReply>,
): Array<{ prompt: Prompt; replies: EvaluatedReply[] }> {
  const groups = groupBy(replies, (reply) => reply.promptId);
  const known = new Set<string>(prompts.map((prompt) => prompt.id));
  const stray = replies.find((reply) => !known.has(reply.promptId));
  if (stray !== undefined) {
    throw new FourfoldError(
      'bad-input',
      `Expected replies to the evaluated prompts only, got one to ${stray.promptId}.`,
    );
  }
  return prompts.map((prompt) => {
    const group = groups.get(prompt.id);
    if (group === undefined) {
      throw new FourfoldError('bad-input', `Expected at least one reply to every prompt, ${prompt.id} has none.`);
    }
    return { prompt, replies: group };
  });
}
