// Rotary positions in config.json: base, scaling and share of a head, in their old places and in their new one.
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import type { ModelConfig, RopeScaling } from '../config.ts';
import { aboveZero, contextLength, positive, refuse } from './fields.ts';

export const RopeParameters = z.looseObject({
  rope_theta: aboveZero.nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  partial_rotary_factor: aboveZero.max(1).nullish(),
});

/** How many of a head's dimensions are turned. @throws unsupported where they are no pairs. */
export function rotaryDimsOf(headDim: number, factor: number): number {
  const dims = Math.floor(headDim * factor);
  if (dims < 2 || dims % 2 !== 0)
    refuse('partial_rotary_factor', factor, `to give whole pairs of head_dim (${headDim})`);
  return dims;
}

export const ROPE_FIELDS = {
  max_position_embeddings: contextLength,
  original_max_position_embeddings: positive.nullish(),
  rope_theta: aboveZero.nullish(),
  rope_parameters: RopeParameters.nullish(),
  rope_scaling: RopeParameters.nullish(),
  partial_rotary_factor: aboveZero.max(1).nullish(),
};

const Linear = z.looseObject({ factor: aboveZero });
const Llama3 = z.looseObject({
  factor: aboveZero,
  low_freq_factor: aboveZero,
  high_freq_factor: aboveZero,
  original_max_position_embeddings: positive.nullish(),
});
const Yarn = z.looseObject({
  factor: aboveZero.nullish(),
  attention_factor: aboveZero.nullish(),
  beta_fast: aboveZero.nullish(),
  beta_slow: aboveZero.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  original_max_position_embeddings: positive.nullish(),
  truncate: z.boolean().nullish(),
});

/** Peng et al. (2023), equation 22, with the multipliers that DeepSeek's configurations add. */
function yarnScale(factor: number, multiplier = 1): number {
  return factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1;
}

interface RopeFields {
  max_position_embeddings: number;
  original_max_position_embeddings?: number | null | undefined;
  rope_theta?: number | null | undefined;
  rope_parameters?: z.infer<typeof RopeParameters> | null | undefined;
  rope_scaling?: z.infer<typeof RopeParameters> | null | undefined;
  partial_rotary_factor?: number | null | undefined;
}

/**
 * Base, scaling and share of the rotary positions, from their old places (rope_theta, rope_scaling) and their new one
 * (rope_parameters); where both are there, transformers takes rope_scaling.
 */
export function ropeOf(
  fields: RopeFields,
  where: string,
  defaultTheta = 10_000,
): Pick<ModelConfig, 'ropeTheta' | 'ropeScaling'> & { rotaryFactor: number } {
  const isScalingGiven = fields.rope_scaling != null && Object.keys(fields.rope_scaling).length > 0;
  const place = isScalingGiven ? 'rope_scaling' : 'rope_parameters';
  const given = fields[place] ?? {};
  return {
    ropeTheta: given.rope_theta ?? fields.rope_theta ?? defaultTheta,
    rotaryFactor: given.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1,
    ropeScaling: scalingOf(given, fields, place, where),
  };
}

function scalingOf(
  given: z.infer<typeof RopeParameters>,
  fields: RopeFields,
  place: string,
  where: string,
): RopeScaling {
  const kind = given.rope_type ?? given.type ?? 'default';
  const original = (own: number | null | undefined) =>
    fields.original_max_position_embeddings ?? own ?? fields.max_position_embeddings;
  const at = `${where}: ${place}`;
  switch (kind) {
    case 'default':
    // Dynamic scaling changes nothing while a text fits max_position_embeddings, and no longer one is taken.
    case 'dynamic':
      return { kind: 'default' };
    case 'linear':
      return { kind, factor: parseWith(Linear, given, at).factor };
    case 'llama3': {
      const llama3 = parseWith(Llama3, given, at);
      return {
        kind,
        factor: llama3.factor,
        lowFrequencyFactor: llama3.low_freq_factor,
        highFrequencyFactor: llama3.high_freq_factor,
        originalMaxPositions: original(llama3.original_max_position_embeddings),
      };
    }
    case 'yarn': {
      const yarn = parseWith(Yarn, given, at);
      const originalMaxPositions = original(yarn.original_max_position_embeddings);
      const factor = yarn.factor ?? fields.max_position_embeddings / originalMaxPositions;
      const { mscale, mscale_all_dim: mscaleAll } = yarn;
      const inferred =
        mscale && mscaleAll ? yarnScale(factor, mscale) / yarnScale(factor, mscaleAll) : yarnScale(factor);
      return {
        kind,
        factor,
        attentionFactor: yarn.attention_factor ?? inferred,
        betaFast: yarn.beta_fast ?? 32,
        betaSlow: yarn.beta_slow ?? 1,
        originalMaxPositions,
        truncates: yarn.truncate ?? true,
      };
    }
    default:
      return refuse(`${place}.rope_type`, kind, 'one of default, linear, dynamic, llama3, yarn');
  }
}
