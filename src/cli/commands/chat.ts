// fourfold chat: a conversation with a model in the terminal, or with lines from a pipe.
import { z } from 'zod';
import { engineKeys } from '../../core/backendName.ts';
import { defineCommand } from '../command.ts';
import { startJob } from '../startJob.ts';

const ChatConfig = z.strictObject({
  model: z.string().min(1).describe('A chat model: an id, a folder or owner/name of the hub'),
  system: z.string().default('').describe('System message'),
  temperature: z.number().min(0).default(0.7).describe('0 is greedy'),
  topK: z.int().min(0).default(0).describe('0: off'),
  topP: z.number().gt(0).max(1).default(1).describe('1: off'),
  maxNewTokens: z.int().min(1).default(512).describe('Longest reply in tokens'),
  seed: z.int().min(0).default(0).describe('Seed of the draws'),
  ...engineKeys,
});

export const command = defineCommand({
  name: 'chat',
  describe: 'Talk with a model in the terminal',
  config: ChatConfig,
  hubNames: { model: 'model' },
  async run(context) {
    const { config, signal } = context;
    const [{ resolveModel }, { loadServedModel, promptOf }, { holdConversation }] = await Promise.all([
      import('../../store/references.ts'),
      import('../../serve/servedModel.ts'),
      import('../conversation.ts'),
    ]);
    const job = await startJob(context, config);
    const { dir, name } = resolveModel(job.workspace, config.model, context.path, 'model');
    const model = await loadServedModel({ names: [name], dir, maxBatch: 1 });
    try {
      // A model without a template is refused before the first word.
      promptOf(model, [{ role: 'user', content: 'x' }]);
      const { temperature, topK, topP, maxNewTokens, seed, system } = config;
      await holdConversation({
        model,
        system,
        sampling: { temperature, topK, topP, maxNewTokens },
        seed,
        input: context.input,
        write: context.write,
        note: context.note,
        print: context.print,
        json: context.json,
        path: context.path,
        signal,
      });
    } finally {
      await model.close();
    }
  },
});
