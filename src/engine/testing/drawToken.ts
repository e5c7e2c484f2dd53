// The choice of one token in double precision, written for reading: what the tests hold `sample` to.
import type { SamplingRule } from '../ops/sample.ts';

/** Index of the largest value; the first of equals. */
function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

/** Probabilities of softmax(logits / temperature). @param logits [vocab] */
export function probabilities(logits: Float32Array, temperature: number): Float64Array {
  const top = logits[argmax(logits)] ?? 0;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The tokens that the filters keep, most probable first, the lower id first among equals. */
function keptTokens(probability: Float64Array, { topK, topP }: SamplingRule): number[] {
  const order = Array.from(probability.keys()).sort((a, b) => (probability[b] ?? 0) - (probability[a] ?? 0) || a - b);
  const kept = topK > 0 ? order.slice(0, topK) : order;
  if (topP >= 1) return kept;
  const total = kept.reduce((sum, token) => sum + (probability[token] ?? 0), 0);
  let mass = 0;
  const last = kept.findIndex((token) => {
    mass += (probability[token] ?? 0) / total;
    return mass >= topP;
  });
  return last < 0 ? kept : kept.slice(0, last + 1);
}

/** The next token. @param logits [vocab], finite @param uniform in [0, 1) */
export function drawToken(logits: Float32Array, rule: SamplingRule, uniform: number): number {
  if (rule.temperature === 0 || rule.topK === 1) return argmax(logits);
  const probability = probabilities(logits, rule.temperature);
  const isFiltered = rule.topK > 0 || rule.topP < 1;
  const kept = isFiltered ? keptTokens(probability, rule) : Array.from(probability.keys());
  const target = uniform * kept.reduce((sum, token) => sum + (probability[token] ?? 0), 0);
  let mass = 0;
  return (
    kept.find((token) => {
      mass += probability[token] ?? 0;
      return mass > target;
    }) ??
    kept.at(-1) ??
    0
  );
}
