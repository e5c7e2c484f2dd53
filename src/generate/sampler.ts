// The choice of the next token from logits: greedy, temperature, top-k, top-p. Pure; the random number is given.
import { FourfoldError } from '../core/errors.ts';
import type { Sampling } from '../core/records.ts';

const notFinite = () =>
  new FourfoldError(
    'not-finite',
    'Expected finite logits, got infinite ones or NaN: the weights of the model are broken. Use an earlier checkpoint.',
  );

/** Index of the largest value; the first of equals. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

/** Probabilities of softmax(logits / temperature), in double precision. @param logits [vocab] */
function probabilities(logits: Float32Array, temperature: number): Float64Array {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > top) top = logit;
  const result = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp(((logits[i] ?? 0) - top) / temperature);
    result[i] = weight;
    sum += weight;
  }
  if (!Number.isFinite(sum)) throw notFinite();
  for (let i = 0; i < result.length; i++) result[i] = (result[i] ?? 0) / sum;
  return result;
}

/**
 * The tokens that the filters keep, most probable first (the lower id first among equals).
 * Top-k: Fan, Lewis and Dauphin (2018). Top-p keeps the smallest set whose probability reaches p, at least one token:
 * Holtzman et al. (2020). Top-p counts within what top-k kept.
 */
function keptTokens(probability: Float64Array, topK: number, topP: number): number[] {
  const order = Array.from(probability.keys()).sort((a, b) => (probability[b] ?? 0) - (probability[a] ?? 0) || a - b);
  const kept = topK > 0 ? order.slice(0, topK) : order;
  if (topP >= 1) return kept;
  const total = kept.reduce((sum, token) => sum + (probability[token] ?? 0), 0);
  let mass = 0;
  for (const [i, token] of kept.entries()) {
    mass += (probability[token] ?? 0) / total;
    if (mass >= topP) return kept.slice(0, i + 1);
  }
  return kept;
}

/**
 * The next token.
 * @param logits [vocab]
 * @param uniform a random number in [0, 1) for the inverse of the cumulative distribution; unused when greedy
 * @throws not-finite where the logits are NaN or have no largest value
 */
export function sampleToken(
  logits: Float32Array,
  { temperature, topK, topP }: Pick<Sampling, 'temperature' | 'topK' | 'topP'>,
  uniform: number,
): number {
  if (temperature === 0 || topK === 1) {
    const token = argmax(logits);
    if (!Number.isFinite(logits[token])) throw notFinite();
    return token;
  }
  const probability = probabilities(logits, temperature);
  const isFiltered = topK > 0 || topP < 1;
  const kept = isFiltered ? keptTokens(probability, topK, topP) : null;
  const total = kept === null ? 1 : kept.reduce((sum, token) => sum + (probability[token] ?? 0), 0);
  const target = uniform * total;
  let mass = 0;
  let last = 0;
  for (const token of kept ?? probability.keys()) {
    mass += probability[token] ?? 0;
    last = token;
    if (mass > target) return token;
  }
  // Rounding may leave the sum a hair below one.
  return last;
}
