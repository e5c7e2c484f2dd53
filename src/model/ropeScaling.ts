// Angles of the rotary positions a step: the plain ones, and stretched for contexts longer than a model was trained on.
import { type RotaryTables, rotaryFrequencies, rotaryTablesOf } from '../engine/ops/rotary.ts';
import type { ModelConfig, RopeScaling } from './config.ts';

/** Long waves are stretched by the factor, short ones kept, those between mixed (Llama 3.1's published configuration). */
function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { kind: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI);
  if (turns > high) return frequency;
  if (turns < low) return frequency / factor;
  const share = (turns - low) / (high - low);
  return ((1 - share) * frequency) / factor + share * frequency;
}

/** YaRN (Peng et al. 2023, equations 17 to 21): a ramp from kept to stretched frequencies. */
function yarnFrequencies(theta: number, dims: number, scaling: Extract<RopeScaling, { kind: 'yarn' }>): number[] {
  const { factor, betaFast, betaSlow, originalMaxPositions, truncates } = scaling;
  // The dimension that turns `turns` times over the original context.
  const dimensionAt = (turns: number) =>
    (dims * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [from, to] = [dimensionAt(betaFast), dimensionAt(betaSlow)];
  const low = Math.max(truncates ? Math.floor(from) : from, 0);
  const high = Math.min(truncates ? Math.ceil(to) : to, dims - 1);
  const width = high === low ? 0.001 : high - low;
  return rotaryFrequencies(theta, dims).map((frequency, i) => {
    const stretched = Math.min(1, Math.max(0, (i - low) / width));
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
}

function frequenciesOf(theta: number, dims: number, scaling: RopeScaling): number[] {
  const plain = rotaryFrequencies(theta, dims);
  switch (scaling.kind) {
    case 'default':
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
    case 'yarn':
      return yarnFrequencies(theta, dims, scaling);
    default:
      return scaling satisfies never;
  }
}

export interface ModelTables {
  /** Null where no layer has rotary positions. */
  rotary: RotaryTables | null;
  /** Of layers with a sliding window, where they turn at another base; null where they use `rotary`. */
  localRotary: RotaryTables | null;
}

/** Tables of a model's rotary positions, [maxPositions, rotaryDims / 2] each; the caller disposes them. */
export function modelTables(config: ModelConfig): ModelTables {
  const { positions, rotaryDims, maxPositions, ropeTheta, ropeScaling, localRopeTheta } = config;
  if (positions !== 'rotary') return { rotary: null, localRotary: null };
  const scale = ropeScaling.kind === 'yarn' ? ropeScaling.attentionFactor : 1;
  return {
    rotary: rotaryTablesOf(frequenciesOf(ropeTheta, rotaryDims, ropeScaling), maxPositions, scale),
    localRotary:
      localRopeTheta === null ? null : rotaryTablesOf(rotaryFrequencies(localRopeTheta, rotaryDims), maxPositions),
  };
}
