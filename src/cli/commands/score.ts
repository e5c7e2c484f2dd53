// fourfold score: log-probabilities by a language model, rewards by a reward model; one line in, one line out.
import { z } from 'zod';
import { engineKeys } from '../../core/backendName.ts';
import { FourfoldError } from '../../core/errors.ts';
import { parseNumberedJsonl, readTextFile } from '../../core/jsonl.ts';
import { defineCommand } from '../command.ts';
import { startJob } from '../startJob.ts';

const ScoreConfig = z.strictObject({
  model: z.string().min(1).describe('A language model or a reward model: an id, a folder or owner/name of the hub'),
  input: z.string().min(1).describe('JSON Lines file of {"text": ...}'),
  batchSize: z.int().min(1).default(16).describe('Texts scored together'),
  ...engineKeys,
});

const Line = z.looseObject({ text: z.string() });

export const command = defineCommand({
  name: 'score',
  describe: 'Score texts with a language model or a reward model',
  config: ScoreConfig,
  hubNames: { model: 'model' },
  async run(context) {
    const { config, signal } = context;
    const path = context.path(config.input);
    const lines = parseNumberedJsonl(await readTextFile(path), Line, path);
    const [
      { readModelConfig },
      { configFolderOf },
      { loadModel },
      { scoreSequences, sequenceLogProbs },
      { loadTokenizer },
      { resolveModel },
    ] = await Promise.all([
      import('../../model/configFile.ts'),
      import('../../model/lora/peftFolder.ts'),
      import('../../model/model.ts'),
      import('../../model/score.ts'),
      import('../../tokens/tokenizer.ts'),
      import('../../store/references.ts'),
    ]);
    const job = await startJob(context, config);
    const { dir } = resolveModel(job.workspace, config.model, context.path);
    const tokenizer = await loadTokenizer(dir);
    const { maxPositions } = await readModelConfig(await configFolderOf(dir));
    const sequences = lines.map(({ line, value: { text } }) => {
      const ids = tokenizer.encode(text, { addSpecialTokens: true });
      const where = `${config.input}, line ${line}`;
      if (ids.length === 0)
        throw new FourfoldError('bad-input', `${where}: expected at least one token, got none. Remove the line.`);
      if (ids.length > maxPositions) {
        throw new FourfoldError(
          'too-long',
          `${where}: expected at most ${maxPositions} tokens (the model's context), got ${ids.length}. Shorten the text.`,
        );
      }
      return { ids, isResponseToken: ids.map((_, at) => at > 0) };
    });
    const model = await loadModel(dir);
    const scores =
      model.head === 'scalar'
        ? scoreSequences(model, sequences, config.batchSize, signal).then((rewards) =>
            rewards.map((reward) => ({ reward })),
          )
        : sequenceLogProbs(model, sequences, { batchSize: config.batchSize, signal });
    const results = await scores.finally(() => model.dispose());
    for (const [i, result] of results.entries()) {
      context.print(
        context.json
          ? JSON.stringify(result)
          : `${JSON.stringify(lines[i]?.value.text.slice(0, 60))} ${JSON.stringify(result)}`,
      );
    }
  },
});
