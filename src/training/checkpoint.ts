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
import { openWeightsFile, type Weights } from '../model/weightsFolder.ts';

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

/** @throws bad-model, with both shapes, where a tensor is missing or of another shape. */
function checkStored({ where, entries }: Weights, shapes: ReadonlyMap<string, ReadonlyArray<number>>): void {
  for (const [name, shape] of shapes) {
    const stored = entries.get(name);
    if (stored !== undefined && stored.shape.join() === shape.join()) continue;
    throw new FourfoldError(
      'bad-model',
      `${where}: expected ${name} of shape [${shape}], got ${stored === undefined ? 'none' : `[${stored.shape}]`}. ` +
        'The checkpoint belongs to another model.',
    );
  }
}

async function readAll(weights: Weights, shapes: ReadonlyMap<string, number[]>): Promise<Map<string, tf.Tensor>> {
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, shape] of shapes) tensors.set(name, tf.tensor(await weights.read(name), shape, 'float32'));
  return tensors;
}

/** Parameters and moments of one part; before the first step there are no moments. */
async function restorePart(dir: string, { name, parameters, optimizer }: TrainedPart, steps: number): Promise<void> {
  const shapes = new Map([...parameters].map(([parameterName, { shape }]) => [parameterName, shape]));
  const momentShapes = new Map(
    [...(steps === 0 ? [] : shapes)].flatMap(([parameterName, shape]) => [
      [`${parameterName}.m`, shape] as const,
      [`${parameterName}.v`, shape] as const,
    ]),
  );
  const stored = await openWeightsFile(join(dir, `${name}.safetensors`));
  try {
    const moments = await openWeightsFile(join(dir, `${name}.optimizer.safetensors`));
    try {
      checkStored(stored, shapes);
      checkStored(moments, momentShapes);
      for (const [parameterName, variable] of parameters) {
        const values = await stored.read(parameterName);
        tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, 'float32')));
      }
      const tensors = await readAll(moments, momentShapes);
      optimizer.load(steps, tensors);
      tf.dispose([...tensors.values()]);
    } finally {
      await moments.close();
    }
  } finally {
    await stored.close();
  }
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
