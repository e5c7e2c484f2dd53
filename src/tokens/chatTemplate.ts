// Rendering of a conversation by the model's own chat template (Jinja), as `transformers` does it.
import { Template } from '@huggingface/jinja';
import { FourfoldError, messageOf } from '../core/errors.ts';
import type { Message } from '../core/records.ts';

/** Template and special tokens of the models that fourfold makes itself. */
export const FOURFOLD_CHAT = {
  bosToken: '<|endoftext|>',
  eosToken: '<|end|>',
  /** Of its own: a program that guesses the attention mask from the ids hides every token that pads. */
  padToken: '<|pad|>',
  specialTokens: ['<|endoftext|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>', '<|pad|>'],
  template:
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
} as const;

export interface ChatTemplate {
  /** The conversation as text; with `addGenerationPrompt` it ends where the model's reply begins. */
  render(messages: ReadonlyArray<Message>, addGenerationPrompt: boolean): string;
}

/** @throws bad-model where the template does not compile; rendering throws bad-model where it refuses the messages. */
export function compileChatTemplate(source: string, tokens: { bosToken: string; eosToken: string }): ChatTemplate {
  const fail = (error: unknown): never => {
    throw new FourfoldError('bad-model', `The model's chat template failed: ${messageOf(error)}`, { cause: error });
  };
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    return fail(error);
  }
  return {
    render(messages, addGenerationPrompt) {
      try {
        return template.render({
          messages: messages.map((message) => ({ ...message })),
          add_generation_prompt: addGenerationPrompt,
          bos_token: tokens.bosToken,
          eos_token: tokens.eosToken,
        });
      } catch (error) {
        return fail(error);
      }
    },
  };
}
