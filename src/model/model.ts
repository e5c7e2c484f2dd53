// A loaded model: shape, parameters, rotary tables; and its folder (config.json, safetensors, tokenizer).
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FourfoldError } from '../core/errors.ts';
import type { Quantization } from '../core/quantization.ts';
import * as tf from '../engine/tf.ts';
import { adaptedModel, owning } from './adapted.ts';
import type { ModelConfig } from './config.ts';
import { configText, readModelConfig, type SpecialTokens } from './configFile.ts';
import type { Model, ModelHead } from './loadedModel.ts';
import { baseFolderOf, hasScoreHead, isAdapterFolder, readAdapter, writeAdapter } from './lora/peftFolder.ts';
import {
  causalLmShapes,
  disposeParameters,
  initialParameters,
  loadParameters,
  newVariable,
  type Parameters,
  SCORE_HEAD,
  saveWeights,
  scalarHeadShapes,
  shapesOf,
  trunkShapes,
} from './parameters.ts';
import { disposeWeights, loadQuantized, type QuantizedWeights } from './quantized.ts';
import { modelTables } from './ropeScaling.ts';
import { layoutOf } from './weightLayout.ts';
import { openWeights } from './weightsFolder.ts';

export type { Model, ModelHead } from './loadedModel.ts';

/** A model over parameters that it then owns. */
export function modelOf(
  head: ModelHead,
  config: ModelConfig,
  parameters: Parameters,
  quantized: QuantizedWeights | null = null,
): Model {
  const tables = modelTables(config);
  return {
    head,
    config,
    parameters,
    tables,
    adapter: null,
    quantized,
    trained: quantized === null ? parameters : new Map(),
    baseDir: null,
    dispose() {
      disposeParameters(parameters);
      if (quantized !== null) disposeWeights(quantized);
      for (const pair of [tables.rotary, tables.localRotary]) if (pair !== null) tf.dispose([pair.cos, pair.sin]);
    },
  };
}

/** A new model with random weights. */
export function newModel(config: ModelConfig, seed: number): Model {
  return modelOf('causal-lm', config, initialParameters(causalLmShapes(config), seed, 1 - config.gainOffset));
}

/** Which head the weights of a folder carry, an adapter's its base's where it has none. @throws not-found, bad-model. */
export async function headOf(dir: string): Promise<ModelHead> {
  if (isAdapterFolder(dir)) return (await hasScoreHead(dir)) ? 'scalar' : headOf(await baseFolderOf(dir));
  const weights = await openWeights(dir);
  await weights.close();
  return weights.entries.has(SCORE_HEAD) ? 'scalar' : 'causal-lm';
}

/** @throws bad-model where the folder's head is another. */
async function checkHead(dir: string, expected: ModelHead | undefined): Promise<ModelHead> {
  const head = await headOf(dir);
  if (expected === undefined || head === expected) return head;
  const names = { 'causal-lm': 'a language model', scalar: 'a reward model' };
  throw new FourfoldError(
    'bad-model',
    `${dir}: expected ${names[expected]}, got ${names[head]}. Name the other model.`,
  );
}

/** Where adapted models find their base. */
export interface Bases {
  /** The base of a folder, trunk and what the head needs; the holder's to dispose. */
  of(dir: string, head: ModelHead): Promise<Model>;
}

/**
 * Loads a folder without an adapter: whole, or for a scalar head on a language model no more than the trunk.
 * @param quantization of the linear modules of the layers, which are frozen then
 * @throws not-found, bad-model, unsupported.
 */
export async function loadBase(dir: string, head: ModelHead, quantization: Quantization | null = null): Promise<Model> {
  const config = await readModelConfig(dir);
  const own = await headOf(dir);
  const shapes = head === 'scalar' && own === 'causal-lm' ? trunkShapes(config) : shapesOf(own, config);
  const options = { layout: layoutOf(config) };
  if (quantization === null) return modelOf(own, config, await loadParameters(dir, shapes, options));
  const { parameters, quantized } = await loadQuantized(dir, config, shapes, options);
  return modelOf(own, config, parameters, quantized);
}

/**
 * Loads a model folder as what it is, an adapter's with its base.
 * @param options `bases`: where frozen weights come from that several models share, held as it holds them; the model owns its
 *   weights where absent, and holds them as `quantization` says
 * @throws not-found, bad-model, unsupported.
 */
export async function loadModel(
  dir: string,
  expected?: ModelHead,
  { bases, quantization = null }: { bases?: Bases | undefined; quantization?: Quantization | null } = {},
): Promise<Model> {
  const head = await checkHead(dir, expected);
  const isAdapter = isAdapterFolder(dir);
  const baseDir = isAdapter ? await baseFolderOf(dir) : dir;
  const base = bases === undefined ? await loadBase(baseDir, head, quantization) : await bases.of(baseDir, head);
  if (!isAdapter)
    return bases === undefined ? base : adaptedModel(base, { head, adapter: null, score: new Map(), baseDir });
  try {
    const view = adaptedModel(base, { head, baseDir, ...(await readAdapter(dir, base.config)) });
    return bases === undefined ? owning(view, base) : view;
  } catch (error) {
    if (bases === undefined) base.dispose();
    throw error;
  }
}

/** A scalar head of zeros, so that all begin equal. */
export const zeroHead = ({ hidden }: ModelConfig): Parameters =>
  new Map([[SCORE_HEAD, newVariable(new Float32Array(hidden), [1, hidden])]]);

/** A scalar-head model on the trunk of a model's folder; the head starts at zero where there is none. */
export async function scalarModelFrom(dir: string): Promise<Model> {
  const config = await readModelConfig(dir);
  const fallback = (name: string, shape: number[]) =>
    name === SCORE_HEAD ? new Float32Array(shape.reduce((a, b) => a * b, 1)) : null;
  const options = { layout: layoutOf(config), fallback };
  return modelOf('scalar', config, await loadParameters(dir, scalarHeadShapes(config), options));
}

/** Writes a model's folder, of an adapted model the adapter's alone; the tokenizer's files are the caller's to copy. */
export async function saveModel(dir: string, model: Model, tokens: SpecialTokens): Promise<void> {
  const { adapter, baseDir, config, trained } = model;
  if (adapter !== null && baseDir !== null) {
    const score = new Map([...trained].filter(([name]) => name === SCORE_HEAD));
    return writeAdapter(dir, { adapter, score, base: baseDir, config });
  }
  await writeFile(join(dir, 'config.json'), configText(config, { head: model.head, ...tokens }));
  await saveWeights(dir, model.parameters, { layout: layoutOf(config) });
}
