// A loaded model: shape, parameters, rotary tables; and its folder (config.json, safetensors, tokenizer).
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FourfoldError } from '../core/errors.ts';
import * as tf from '../engine/tf.ts';
import type { ModelConfig } from './config.ts';
import { readModelConfig, type SpecialTokens, toHuggingFaceConfig } from './configFile.ts';
import {
  causalLmShapes,
  disposeParameters,
  initialParameters,
  loadParameters,
  type Parameters,
  SCORE_HEAD,
  saveWeights,
  scalarHeadShapes,
} from './parameters.ts';
import { type ModelTables, modelTables } from './ropeScaling.ts';
import { layoutOf } from './weightLayout.ts';
import { openWeights } from './weightsFolder.ts';

/** What is on top of the trunk: next-token logits, or one number (reward, value). */
export type ModelHead = 'causal-lm' | 'scalar';

export interface Model {
  readonly head: ModelHead;
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  readonly tables: ModelTables;
  dispose(): void;
}

const shapesOf = (head: ModelHead, config: ModelConfig) =>
  head === 'scalar' ? scalarHeadShapes(config) : causalLmShapes(config);

/** A model over parameters that it then owns. */
export function modelOf(head: ModelHead, config: ModelConfig, parameters: Parameters): Model {
  const tables = modelTables(config);
  return {
    head,
    config,
    parameters,
    tables,
    dispose() {
      disposeParameters(parameters);
      for (const pair of [tables.rotary, tables.localRotary]) if (pair !== null) tf.dispose([pair.cos, pair.sin]);
    },
  };
}

/** A new model with random weights. */
export function newModel(config: ModelConfig, seed: number): Model {
  return modelOf('causal-lm', config, initialParameters(causalLmShapes(config), seed, 1 - config.gainOffset));
}

/** Which head the weights of a folder carry. @throws not-found, bad-model. */
export async function headOf(dir: string): Promise<ModelHead> {
  const weights = await openWeights(dir);
  await weights.close();
  return weights.entries.has(SCORE_HEAD) ? 'scalar' : 'causal-lm';
}

/** Loads a model folder as what it is. @throws not-found, bad-model, unsupported. */
export async function loadModel(dir: string, expected?: ModelHead): Promise<Model> {
  const config = await readModelConfig(dir);
  const head = await headOf(dir);
  if (expected !== undefined && head !== expected) {
    const names = { 'causal-lm': 'a language model', scalar: 'a reward model' };
    throw new FourfoldError(
      'bad-model',
      `${dir}: expected ${names[expected]}, got ${names[head]}. Name the other model.`,
    );
  }
  const parameters = await loadParameters(dir, shapesOf(head, config), { layout: layoutOf(config) });
  return modelOf(head, config, parameters);
}

/** A scalar-head model on the trunk of a language model's folder; the head starts at zero, so that all begin equal. */
export async function scalarModelFrom(dir: string): Promise<Model> {
  const config = await readModelConfig(dir);
  const fallback = (name: string, shape: number[]) =>
    name === SCORE_HEAD ? new Float32Array(shape.reduce((a, b) => a * b, 1)) : null;
  const options = { layout: layoutOf(config), fallback };
  return modelOf('scalar', config, await loadParameters(dir, scalarHeadShapes(config), options));
}

/** Writes config.json and the weights; the tokenizer's files are the caller's to copy. */
export async function saveModel(dir: string, model: Model, tokens: SpecialTokens): Promise<void> {
  const config = toHuggingFaceConfig(model.config, { head: model.head, ...tokens });
  await writeFile(join(dir, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await saveWeights(dir, model.parameters, { layout: layoutOf(model.config) });
}
