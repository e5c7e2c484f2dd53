// Low-rank adapters: Hu et al. (2021), LoRA. W stays frozen; y = W·x + s·B·A·x with A [rank, in] and B [out, rank].
// The scale s is alpha / rank (section 4.1), or alpha / sqrt(rank) (Kalajdzievski 2023, rsLoRA).
import { randomFrom, seedOf } from '../../core/random.ts';
import { dropoutMask } from '../../engine/ops/dropoutMask.ts';
import { linear } from '../../engine/ops/linear.ts';
import * as tf from '../../engine/tf.ts';
import type { ModelConfig } from '../config.ts';
import { copyParameters, disposeParameters, newVariable, type Parameters } from '../parameters.ts';
import { linearModules } from './targets.ts';

export interface AdapterSettings {
  rank: number;
  alpha: number;
  /** Scale alpha / sqrt(rank) instead of alpha / rank. */
  usesRslora: boolean;
  /** Share of the adapter's inputs that is dropped while it is trained. */
  dropout: number;
  /** Which modules have it, as PEFT's target_modules: ends of their names, or one regular expression. */
  targets: string | string[];
}

/** An adapter of its own weights, apart from the model that it changes. */
export interface Adapter {
  readonly settings: AdapterSettings;
  /** `MODULE.lora_A.weight` [rank, in] and `MODULE.lora_B.weight` [out, rank] of each module that has it. */
  readonly parameters: Parameters;
}

/** An adapter at work in a model. */
export interface ActiveAdapter extends Adapter {
  /** Seeds the dropout of one forward pass; null outside training. */
  readonly dropoutSeed: number | null;
}

export const nameOfA = (module: string) => `${module}.lora_A.weight`;
export const nameOfB = (module: string) => `${module}.lora_B.weight`;

/** Names of the modules that an adapter changes. */
export function modulesOf({ parameters }: Pick<Adapter, 'parameters'>): string[] {
  const end = nameOfA('');
  return [...parameters.keys()].filter((name) => name.endsWith(end)).map((name) => name.slice(0, -end.length));
}

/** The scale s of the update. */
export const scaleOf = ({ alpha, rank, usesRslora }: AdapterSettings): number =>
  alpha / (usesRslora ? Math.sqrt(rank) : rank);

/**
 * A new adapter, which changes nothing yet: B is zero, A uniform within ±1 / sqrt(in), as PEFT draws it. A module's values
 * depend on seed and name only.
 */
export function newAdapter(
  config: ModelConfig,
  modules: ReadonlyArray<string>,
  settings: AdapterSettings,
  seed: number,
): Adapter {
  const shapes = linearModules(config);
  const parameters: Parameters = new Map();
  for (const module of modules) {
    const [out = 0, width = 0] = shapes.get(module) ?? [];
    const random = randomFrom(seedOf(seed, 'lora', module));
    const bound = 1 / Math.sqrt(width);
    const values = Float32Array.from({ length: settings.rank * width }, () => bound * (2 * random.uniform() - 1));
    parameters.set(nameOfA(module), newVariable(values, [settings.rank, width]));
    parameters.set(nameOfB(module), newVariable(new Float32Array(out * settings.rank), [out, settings.rank]));
  }
  return { settings, parameters };
}

/** An adapter of the same values with variables of its own. */
export const copyAdapter = ({ settings, parameters }: Adapter): Adapter => ({
  settings,
  parameters: copyParameters(parameters),
});

export const disposeAdapter = ({ parameters }: Adapter): void => disposeParameters(parameters);

/**
 * s·B·A·dropout(x), or null for a module without an adapter.
 * @param x [..., in]
 * @returns [..., out]
 */
export function adapterUpdate(
  { settings, parameters, dropoutSeed }: ActiveAdapter,
  module: string,
  x: tf.Tensor,
): tf.Tensor | null {
  const a = parameters.get(nameOfA(module));
  const b = parameters.get(nameOfB(module));
  if (a === undefined || b === undefined) return null;
  const isDropped = dropoutSeed !== null && settings.dropout > 0;
  const input = isDropped
    ? tf.mul(x, dropoutMask(x.shape, settings.dropout, seedOf(dropoutSeed, 'dropout', module)))
    : x;
  return linear(tf.mul(linear(input, a), scaleOf(settings)), b);
}
