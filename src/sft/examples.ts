// Training examples of SFT and pretraining as sequences with a loss mask.
import { FourfoldError } from '../core/errors.ts';
import { randomFrom, seedOf, shuffled } from '../core/random.ts';
import type { Prompt } from '../core/records.ts';
import type { Sequence } from '../model/batch.ts';
import { renderConversation, renderReply } from '../tokens/rendering.ts';
import type { Tokenizer } from '../tokens/tokenizer.ts';

/**
 * Demonstrations of the training split; those longer than `maxLength` tokens are left out and counted.
 * @param lossOn the demonstration alone, or every assistant's turn of its conversation
 * @throws bad-input where there is no demonstration, or one without a token to learn
 */
export function demonstrationExamples(
  prompts: ReadonlyArray<Prompt>,
  tokenizer: Tokenizer,
  maxLength: number,
  lossOn: 'reply' | 'conversation' = 'reply',
): { examples: Sequence[]; tooLong: number } {
  const shown = prompts.filter((prompt) => prompt.split === 'train' && prompt.demonstration !== null);
  if (shown.length === 0) {
    throw new FourfoldError(
      'bad-input',
      'Expected training prompts with a demonstration, got none. Add "demonstration" to the prompts.',
    );
  }
  const all = shown.map(({ messages, demonstration }) => {
    const reply = demonstration ?? '';
    return lossOn === 'reply'
      ? renderReply(tokenizer, messages, reply)
      : renderConversation(tokenizer, [...messages, { role: 'assistant', content: reply }]);
  });
  // The first token is predicted from nothing.
  const silent = shown[all.findIndex(({ isResponseToken }) => !isResponseToken.includes(true, 1))];
  if (silent !== undefined) {
    throw new FourfoldError(
      'bad-input',
      `Prompt ${silent.id}: expected a demonstration with a token to learn, got none. Leave out empty demonstrations, ` +
        'or see to it that the chat template marks the assistant’s turns.',
    );
  }
  const examples = all.filter((example) => example.ids.length <= maxLength);
  return { examples, tooLong: all.length - examples.length };
}

/** Documents one after the other, a beginning token before each, cut into blocks; every token is predicted. */
export function textBlocks(documents: ReadonlyArray<string>, tokenizer: Tokenizer, blockLength: number): Sequence[] {
  const stream = documents.flatMap((text) => tokenizer.encode(text, { addSpecialTokens: true }));
  const blocks: Sequence[] = [];
  // Blocks overlap by one token, so that each token of the stream but the first is predicted once.
  for (let start = 0; start + 1 < stream.length; start += blockLength - 1) {
    const ids = stream.slice(start, start + blockLength);
    blocks.push({ ids, isResponseToken: ids.map((_, i) => i > 0) });
  }
  return blocks;
}

/** Parts the examples into training and validation; the same seed gives the same parts. */
export function splitExamples<E>(
  examples: ReadonlyArray<E>,
  fraction: number,
  seed: number,
): { training: E[]; validation: E[] } {
  const order = shuffled(examples, randomFrom(seedOf(seed, 'validation-split')));
  const count = Math.min(Math.round(order.length * fraction), order.length - 1);
  return { training: order.slice(count), validation: order.slice(0, count) };
}
