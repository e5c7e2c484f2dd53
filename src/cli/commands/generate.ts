// fourfold generate: one reply of a model, for people and scripts.
import { z } from 'zod';
import { engineKeys } from '../../core/backendName.ts';
import { FourfoldError } from '../../core/errors.ts';
import { quantizeKeys } from '../../training/loraConfig.ts';
import { defineCommand } from '../command.ts';
import { GREEDY_READS_NONE_OF, refuseUnread } from '../refuseUnread.ts';
import { startJob } from '../startJob.ts';

const GenerateConfig = z.strictObject({
  model: z.string().min(1).describe('A model: an id, a folder or owner/name of the hub'),
  prompt: z.string().optional().describe('What to answer; with --raw, what to continue (may be empty)'),
  promptIds: z.string().optional().describe('Token ids instead of a prompt, with commas: 1,2,3'),
  raw: z.boolean().default(false).describe('No chat template: continue the text as it is'),
  greedy: z.boolean().default(false).describe('Always the most probable token'),
  temperature: z.number().min(0).default(1).describe('0 is greedy'),
  topK: z.int().min(0).default(0).describe('0: off'),
  topP: z.number().gt(0).max(1).default(1).describe('1: off'),
  seed: z.int().min(0).default(0).describe('Seed of the draws'),
  maxNewTokens: z.int().min(1).default(128).describe('Longest reply in tokens'),
  ...quantizeKeys,
  ...engineKeys,
});

function parseIds(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => /^\d+$/.test(part))) return parts.map(Number);
  throw new FourfoldError(
    'bad-option',
    `--prompt-ids: expected whole numbers with commas, got ${JSON.stringify(text)}.`,
  );
}

export const command = defineCommand({
  name: 'generate',
  describe: 'Write a reply to one prompt',
  config: GenerateConfig,
  hubNames: { model: 'model' },
  check(config, given) {
    const isGreedy = config.greedy || config.temperature === 0;
    const because = config.greedy ? '--greedy' : '--temperature 0';
    if (isGreedy) refuseUnread(config, given, { because, options: GREEDY_READS_NONE_OF });
    if (config.promptIds !== undefined)
      refuseUnread(config, given, { because: '--prompt-ids', options: { raw: false } });
  },
  async run(context) {
    const { config } = context;
    if ((config.prompt === undefined) === (config.promptIds === undefined)) {
      throw new FourfoldError('bad-option', 'Expected either --prompt or --prompt-ids.');
    }
    const [{ generate }, { loadModel }, { loadTokenizer }, { renderPrompt }, { resolveModel }] = await Promise.all([
      import('../../generate/generate.ts'),
      import('../../model/model.ts'),
      import('../../tokens/tokenizer.ts'),
      import('../../tokens/rendering.ts'),
      import('../../store/references.ts'),
    ]);
    const job = await startJob(context, config);
    const { dir } = resolveModel(job.workspace, config.model, context.path, 'model');
    const tokenizer = await loadTokenizer(dir);
    if (config.promptIds === undefined && !config.raw && tokenizer.chatTemplate === null) {
      throw new FourfoldError(
        'bad-model',
        `${config.model}: expected a chat template in tokenizer_config.json or chat_template.jinja; the model has none. ` +
          'Use --raw to continue the text as it is.',
      );
    }
    const promptIds =
      config.promptIds !== undefined
        ? parseIds(config.promptIds)
        : config.raw
          ? tokenizer.encode(config.prompt ?? '', { addSpecialTokens: true })
          : renderPrompt(tokenizer, [{ role: 'user', content: config.prompt ?? '' }]);
    const model = await loadModel(dir, 'causal-lm', { quantization: config.quantize ?? null });
    const { topK, topP, maxNewTokens } = config;
    const [reply] = await generate(model, [{ promptIds, seed: config.seed }], {
      sampling: { temperature: config.greedy ? 0 : config.temperature, topK, topP, maxNewTokens },
      stopIds: tokenizer.stopIds,
      signal: context.signal,
    }).finally(() => model.dispose());
    const tokenIds = reply?.tokenIds ?? [];
    const text = tokenizer.decode(tokenIds);
    context.print(context.json ? JSON.stringify({ text, tokenIds, promptTokenIds: promptIds }) : text);
  },
});
