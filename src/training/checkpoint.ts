// Checkpoints of training: parameters, optimiser moments and a small state, all named; what resuming needs and no more,
// since every random number follows from seed and step.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import type { AdamW } from '../engine/adamW.ts';
import * as tf from '../engine/tf.ts';
import { type Parameters, saveParameters } from '../model/parameters.ts';
import { readSafetensors, type TensorData } from '../model/safetensors.ts';

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

const StateFile = z.strictObject({ optimizerSteps: z.record(z.string(), z.int().min(0)), state: z.unknown() });

/** The stored tensor. @throws bad-model, with both shapes, where it is missing or of another shape. */
function storedTensor(path: string, values: ReadonlyMap<string, TensorData>, name: string, shape: number[]): tf.Tensor {
  const stored = values.get(name);
  if (stored === undefined || stored.shape.join() !== shape.join()) {
    throw new FourfoldError(
      'bad-model',
      `${path}: expected ${name} of shape [${shape}], got ${stored === undefined ? 'none' : `[${stored.shape}]`}. ` +
        'The checkpoint belongs to another model.',
    );
  }
  return tf.tensor(stored.values, shape, 'float32');
}

/** Parameters and moments of one part; before the first step there are no moments. */
async function restorePart(dir: string, { name, parameters, optimizer }: TrainedPart, steps: number): Promise<void> {
  const path = join(dir, `${name}.safetensors`);
  const momentsPath = join(dir, `${name}.optimizer.safetensors`);
  const values = await readSafetensors(path);
  const moments = await readSafetensors(momentsPath);
  tf.tidy(() => {
    for (const [parameterName, variable] of parameters)
      variable.assign(storedTensor(path, values, parameterName, variable.shape));
    const tensors = new Map<string, tf.Tensor>();
    for (const [parameterName, { shape }] of steps === 0 ? [] : parameters) {
      for (const key of [`${parameterName}.m`, `${parameterName}.v`])
        tensors.set(key, storedTensor(momentsPath, moments, key, shape));
    }
    optimizer.load(steps, tensors);
  });
}

/** Puts a checkpoint's values into the parts and returns its state. @throws bad-input, bad-model, not-found. */
export async function restoreCheckpoint<S extends z.ZodType>(
  dir: string,
  parts: ReadonlyArray<TrainedPart>,
  schema: S,
): Promise<z.output<S>> {
  const path = join(dir, 'state.json');
  const { optimizerSteps, state } = parseWith(StateFile, parseJson(await readTextFile(path), path), path);
  for (const part of parts) {
    const steps = optimizerSteps[part.name];
    if (steps === undefined)
      throw new FourfoldError('bad-input', `${path}: expected optimizerSteps of ${part.name}, got none.`);
    await restorePart(dir, part, steps);
  }
  return parseWith(schema, state, path);
}
