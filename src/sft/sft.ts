// `fourfold sft`: fine-tuning of a model on demonstrations, loss on the completion only.
import type { ArtifactOf } from '../core/artifacts.ts';
import { loadTrainable } from '../model/lora/trainable.ts';
import { errorOfRun, type Job, openRun } from '../store/job.ts';
import { modelFolders, resolveModel, resolvePrompts } from '../store/references.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { loraRequestOf } from '../training/loraConfig.ts';
import type { SftConfig } from './config.ts';
import { demonstrationExamples } from './examples.ts';
import { plannedSteps, trainLanguageModel } from './train.ts';

/** @returns the kept versions, the final one last */
export async function finetune(job: Job, config: SftConfig): Promise<ArtifactOf<'model'>[]> {
  const { workspace } = job;
  const base = resolveModel(workspace, config.model, job.path, 'model');
  const { artifact: promptSet, prompts } = await resolvePrompts(workspace, config.prompts, job.path);
  const tokenizer = await loadTokenizer(base.dir);
  const model = await loadTrainable(base.dir, {
    ...{ head: 'causal-lm', lora: loraRequestOf(config), seed: config.seed, quantization: config.quantize ?? null },
  });
  try {
    const maxLength = Math.min(config.maxLength, model.config.maxPositions);
    const { examples, tooLong } = demonstrationExamples(prompts, tokenizer, maxLength, config.lossOn);
    if (tooLong > 0) job.note(`${tooLong} demonstrations are longer than ${maxLength} tokens and are left out`);
    const run = await openRun(job, 'sft', config);
    const task = job.progress.start('sft', plannedSteps(examples.length, config), 'steps');
    try {
      return await trainLanguageModel({
        ...job,
        model,
        tokenizer,
        examples,
        config,
        keepAtSteps: config.keepAtSteps,
        role: 'sft',
        parents: [...(base.artifact === null ? [] : [base.artifact.id]), promptSet.id],
        facts: { examples: examples.length, tooLong, ...(await modelFolders({ model: base })) },
        round: base.artifact?.round ?? 1,
        run,
        task,
      });
    } catch (error) {
      throw errorOfRun(error, run);
    } finally {
      task.finish();
    }
  } finally {
    model.dispose();
  }
}
