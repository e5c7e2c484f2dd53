// Strengths from paired comparisons: the Bradley-Terry model by the MM algorithm.
import { FourfoldError } from '../core/errors.ts';

/** One comparison of two contestants; `score` is 1 where a won, 0.5 for a tie, 0 where b won, or a share between. */
export interface Match {
  a: string;
  b: string;
  score: number;
}

export interface BradleyTerryOptions {
  /** Virtual wins and as many virtual losses of each contestant against one of strength 1, default 0.1. */
  prior?: number;
  maxIterations?: number;
  /** Stops when no strength moved by more than this (in log-strength). */
  tolerance?: number;
}

/**
 * Log-strengths λ of the Bradley-Terry model P(a beats b) = 1 / (1 + exp(λ_b - λ_a)), their mean 0.
 * MM update (Hunter 2004, MM algorithms for generalized Bradley-Terry models, equation 3):
 * γ_i ← W_i / Σ_j n_ij / (γ_i + γ_j), W_i the wins of i with ties as half a win.
 * The prior keeps the strength of one who won or lost all finite, and the estimate unique where the comparisons fall
 * into separate groups.
 * @throws bad-input for a match of a contestant with itself or a score outside [0, 1].
 */
export function bradleyTerry(matches: ReadonlyArray<Match>, options: BradleyTerryOptions = {}): Map<string, number> {
  const { prior = 0.1, maxIterations = 10_000, tolerance = 1e-10 } = options;
  const { names, wins, meetings } = tally(matches);
  let strengths = names.map(() => 1);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const next = strengths.map((own, i) => {
      let pressure = (2 * prior) / (own + 1);
      for (const [j, count] of meetings[i] ?? []) pressure += count / (own + (strengths[j] ?? 1));
      return ((wins[i] ?? 0) + prior) / pressure;
    });
    const moved = next.map((strength, i) => Math.abs(Math.log(strength) - Math.log(strengths[i] ?? 1)));
    strengths = next;
    if (moved.every((distance) => distance <= tolerance)) break;
  }
  const logs = strengths.map(Math.log);
  const mean = logs.reduce((a, b) => a + b, 0) / Math.max(1, logs.length);
  return new Map(names.map((name, i) => [name, (logs[i] ?? 0) - mean]));
}

interface Tally {
  names: string[];
  /** Wins of each, ties as half. */
  wins: number[];
  /** For each, how often it met each other, by index. */
  meetings: Array<Map<number, number>>;
}

function tally(matches: ReadonlyArray<Match>): Tally {
  const names = [...new Set(matches.flatMap(({ a, b }) => [a, b]))];
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const wins = names.map(() => 0);
  const meetings = names.map(() => new Map<number, number>());
  const meet = (i: number, j: number, score: number) => {
    wins[i] = (wins[i] ?? 0) + score;
    meetings[i]?.set(j, (meetings[i]?.get(j) ?? 0) + 1);
  };
  for (const { a, b, score } of matches) {
    if (a === b || !(score >= 0 && score <= 1)) {
      throw new FourfoldError(
        'bad-input',
        `Expected two different contestants and a score in [0, 1], got ${a}, ${b}, ${score}.`,
      );
    }
    const [i, j] = [indexOf.get(a) ?? 0, indexOf.get(b) ?? 0];
    meet(i, j, score);
    meet(j, i, 1 - score);
  }
  return { names, wins, meetings };
}
