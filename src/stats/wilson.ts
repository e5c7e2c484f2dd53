// Interval of a share of independent yes-or-no outcomes, such as an accuracy.
import { erf } from 'mathjs/number';
import { FourfoldError } from '../core/errors.ts';
import type { Estimate } from './interval.ts';

/**
 * Wilson's score interval (Wilson 1927): (p̂ + z²/2n ± z √(p̂(1 - p̂)/n + z²/4n²)) / (1 + z²/n).
 * @param successes may be fractional where a tie counts as half. @throws bad-input unless 0 ≤ successes ≤ trials, trials > 0.
 */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Estimate {
  if (!(trials > 0 && successes >= 0 && successes <= trials)) {
    throw new FourfoldError('bad-input', `Expected 0 ≤ successes ≤ trials and a trial, got ${successes} of ${trials}.`);
  }
  const z = normalQuantile((1 + confidence) / 2);
  const share = successes / trials;
  const scale = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  return { value: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** The z with Φ(z) = probability, by bisection of Φ(z) = (1 + erf(z / √2)) / 2. */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new FourfoldError('bad-option', `Expected a probability between 0 and 1, got ${probability}.`);
  }
  let low = -9;
  let high = 9;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if ((1 + erf(middle / Math.SQRT2)) / 2 < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
