// One rendering from conversation to ids and loss mask, which SFT, reward model, PPO and sampling all use.
// The prompt is tokenized by itself and the reply by itself, exactly as they are when the reply is sampled, so the
// mask's border is a token border by construction.
import { FourfoldError } from '../core/errors.ts';
import type { Message } from '../core/records.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface Rendering {
  ids: number[];
  /** True at the tokens of the reply, its end-of-turn token included: those carry the loss. */
  isResponseToken: boolean[];
}

/** Token ids of the conversation up to where the model's reply begins. @throws bad-model where there is no chat template. */
export function renderPrompt(tokenizer: Tokenizer, messages: ReadonlyArray<Message>): number[] {
  return tokenizer.encode(templateOf(tokenizer).render(messages, true), { addSpecialTokens: false });
}

/**
 * Ids and mask of a conversation and its reply. An unfinished reply (one that ran out of tokens) has no end of turn.
 * @throws bad-model where the template changes the prompt when a reply follows, since no mask could then be right.
 */
export function renderReply(
  tokenizer: Tokenizer,
  messages: ReadonlyArray<Message>,
  reply: string,
  { isFinished = true }: { isFinished?: boolean } = {},
): Rendering {
  const template = templateOf(tokenizer);
  const promptText = template.render(messages, true);
  const fullText = template.render([...messages, { role: 'assistant', content: reply }], false);
  if (!fullText.startsWith(promptText)) {
    throw new FourfoldError(
      'bad-model',
      'Expected a chat template that leaves the prompt as it is when a reply follows, so that the reply can be masked; ' +
        'this one renders the prompt differently. Give the model another chat_template.',
    );
  }
  const promptIds = tokenizer.encode(promptText, { addSpecialTokens: false });
  const replyText = isFinished ? fullText.slice(promptText.length) : reply;
  const replyIds = tokenizer.encode(replyText, { addSpecialTokens: false });
  return {
    ids: [...promptIds, ...replyIds],
    isResponseToken: [...promptIds.map(() => false), ...replyIds.map(() => true)],
  };
}

function templateOf(tokenizer: Tokenizer) {
  if (tokenizer.chatTemplate !== null) return tokenizer.chatTemplate;
  throw new FourfoldError(
    'bad-model',
    'Expected a chat template in tokenizer_config.json or chat_template.jinja; the model has none. Add one.',
  );
}
