// `fourfold pretrain`: a base model from plain text, every token predicted.
import { existsSync } from 'node:fs';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { looksLikeId } from '../core/ids.ts';
import { llamaConfig } from '../model/architectures/llama.ts';
import { newModel } from '../model/model.ts';
import { errorOfRun, type Job, openRun } from '../store/job.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import type { PretrainConfig } from './config.ts';
import { textBlocks } from './examples.ts';
import { readDocuments } from './texts.ts';
import { plannedSteps, trainLanguageModel } from './train.ts';

/** @throws bad-option where the widths do not go together. */
function checkShape({ hidden, heads, kvHeads, blockLength, maxPositions }: PretrainConfig): void {
  const fail = (message: string) => {
    throw new FourfoldError('bad-option', message);
  };
  if (hidden % (2 * heads) !== 0) fail(`--hidden: expected an even multiple of --heads (${heads}), got ${hidden}.`);
  if (heads % kvHeads !== 0) fail(`--kv-heads: expected a divisor of --heads (${heads}), got ${kvHeads}.`);
  if (blockLength > maxPositions)
    fail(`--block-length: expected at most --max-positions (${maxPositions}), got ${blockLength}.`);
}

/** @throws bad-option, bad-input, not-found, and as trainSupervised. */
export async function pretrain(job: Job, config: PretrainConfig): Promise<ArtifactOf<'model'>> {
  const { workspace } = job;
  checkShape(config);
  const isPath = !looksLikeId(config.tokenizer) || existsSync(job.path(config.tokenizer));
  const artifact = isPath ? null : workspace.artifacts.require(config.tokenizer, 'tokenizer');
  const tokenizer = await loadTokenizer(
    artifact === null ? job.path(config.tokenizer) : workspace.artifacts.dir(artifact),
  );
  const { documents, files } = await readDocuments(config.texts.map(job.path));
  const examples = textBlocks(documents, tokenizer, config.blockLength);
  const run = await openRun(job, 'pretrain', config);
  const model = newModel(
    llamaConfig({
      vocab: tokenizer.vocabSize,
      hidden: config.hidden,
      intermediate: config.intermediate,
      layers: config.layers,
      heads: config.heads,
      kvHeads: config.kvHeads,
      headDim: config.hidden / config.heads,
      maxPositions: config.maxPositions,
      normEpsilon: 1e-5,
      ropeTheta: 10_000,
      tieEmbeddings: true,
    }),
    config.seed,
  );
  const task = job.progress.start('pretrain', plannedSteps(examples.length, config), 'steps');
  try {
    const kept = await trainLanguageModel({
      ...job,
      model,
      tokenizer,
      examples,
      config,
      keepAtSteps: [],
      role: 'base',
      parents: artifact === null ? [] : [artifact.id],
      facts: { sources: files },
      round: 1,
      run,
      task,
    });
    return kept.at(-1) as ArtifactOf<'model'>;
  } catch (error) {
    throw errorOfRun(error, run);
  } finally {
    task.finish();
    model.dispose();
  }
}
