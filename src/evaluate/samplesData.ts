// From replies to the samples section of a report, by a rule that does not look at them.
import type { Prompt } from '../core/records.ts';
import { type EvaluatedReply, repliesByPrompt, type Utility } from './evaluatedReply.ts';
import type { ModelRole, SampleReply, Samples } from './reportData.ts';
import { firstOfEach } from './sections/samples.ts';

export interface SamplesOptions {
  prompts: ReadonlyArray<Prompt>;
  /** In the order of the columns; each with replies to all prompts. */
  models: ReadonlyArray<{ name: string; role: ModelRole; replies: ReadonlyArray<EvaluatedReply> }>;
  utility?: Utility;
  /** Default 2. */
  perDimension?: number;
  /** A clause on how the replies were sampled, for the reader: 'at temperature 0.7'. */
  sampling?: string;
}

/** The first prompts of each dimension with the first reply of each model. @throws bad-input for a missing reply. */
export function samplesData(options: SamplesOptions): Samples {
  const { prompts, models, utility, perDimension = 2, sampling } = options;
  const columns = models.map(({ replies }) => new Map(repliesByPrompt(prompts, replies).map((e) => [e.prompt.id, e])));
  const how = sampling === undefined ? '' : `, ${sampling}`;
  const count = perDimension === 1 ? 'The first prompt' : `The first ${perDimension} prompts`;
  return {
    rule:
      `${count} of each dimension in the order of the file, with the first reply of each model${how}: ` +
      'no reply was looked at in choosing.',
    models: models.map(({ name, role }) => ({ name, role })),
    items: firstOfEach(prompts, perDimension).map((prompt) => ({
      promptId: prompt.id,
      dimension: prompt.dimension,
      prompt: promptText(prompt),
      replies: columns.map((column) => {
        const reply = column.get(prompt.id)?.replies[0];
        return reply === undefined ? null : sampleOf(prompt, reply, utility);
      }),
    })),
  };
}

function sampleOf(prompt: Prompt, reply: EvaluatedReply, utility: Utility | undefined): SampleReply {
  const { text, finishReason, reward } = reply;
  return {
    text,
    finishReason,
    ...(reward === undefined ? {} : { reward }),
    ...(utility === undefined ? {} : { utility: utility(prompt, reply) }),
  };
}

/** One turn stands alone; of a longer conversation each turn says whose it is. */
function promptText({ messages }: Prompt): string {
  if (messages.length === 1) return messages[0]?.content ?? '';
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
}
