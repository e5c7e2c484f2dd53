// Checkpoints of training: parameters, optimiser moments and a small state, all named; what resuming needs and no more,
// since every random number follows from seed and step.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import type { AdamW } from '../engine/adamW.ts';
import * as tf from '../engine/tf.ts';
import { type Parameters, saveParameters } from '../model/parameters.ts';
import { readSafetensors } from '../model/safetensors.ts';

/** What is trained: parameters and their optimiser, under a name that is unique in the checkpoint. */
export interface TrainedPart {
  name: string;
  parameters: Parameters;
  optimizer: AdamW;
}

/** Writes the parts and the state into a checkpoint's folder. */
export async function writeCheckpoint(dir: string, parts: ReadonlyArray<TrainedPart>, state: object): Promise<void> {
  for (const { name, parameters, optimizer } of parts) {
    await saveParameters(join(dir, `${name}.safetensors`), parameters);
    await saveParameters(join(dir, `${name}.optimizer.safetensors`), optimizer.state());
  }
  const optimizerSteps = Object.fromEntries(parts.map(({ name, optimizer }) => [name, optimizer.stepCount]));
  await writeFile(join(dir, 'state.json'), `${JSON.stringify({ optimizerSteps, state })}\n`);
}

async function restorePart(dir: string, { name, parameters, optimizer }: TrainedPart, steps: number): Promise<void> {
  const path = join(dir, `${name}.safetensors`);
  const values = await readSafetensors(path);
  for (const [parameterName, variable] of parameters) {
    const stored = values.get(parameterName);
    if (stored === undefined || stored.shape.join() !== variable.shape.join()) {
      throw new FourfoldError(
        'bad-model',
        `${path}: expected ${parameterName} of shape [${variable.shape}], got ${stored === undefined ? 'none' : `[${stored.shape}]`}. ` +
          'The checkpoint belongs to another model.',
      );
    }
    const tensor = tf.tensor(stored.values, stored.shape, 'float32');
    variable.assign(tensor);
    tensor.dispose();
  }
  const moments = await readSafetensors(join(dir, `${name}.optimizer.safetensors`));
  const tensors = new Map([...moments].map(([key, { values, shape }]) => [key, tf.tensor(values, shape, 'float32')]));
  optimizer.load(steps, tensors);
  tf.dispose([...tensors.values()]);
}

/** Puts a checkpoint's values into the parts and returns its state. @throws bad-model, not-found. */
export async function restoreCheckpoint<S extends z.ZodType>(
  dir: string,
  parts: ReadonlyArray<TrainedPart>,
  schema: S,
): Promise<z.output<S>> {
  const path = join(dir, 'state.json');
  const stored = parseJson(await readTextFile(path), path) as {
    optimizerSteps?: Record<string, number>;
    state?: unknown;
  };
  for (const part of parts) await restorePart(dir, part, stored.optimizerSteps?.[part.name] ?? 0);
  return parseWith(schema, stored.state, path);
}
