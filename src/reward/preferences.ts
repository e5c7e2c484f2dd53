// From one source's judgements to its preferences between candidates, on a scale that all sources share.
//
// Source s gives candidate c of an item the scores r_sck. Its utility is their weighted mean,
//     u_sc = Σ_k w_k r_sck / Σ_k w_k   over the criteria k that it scored,
// standardised by what s gave to everything it rated, so that a harsh rater's bias and a timid one's narrow scale
// fall away:
//     z_sc = (u_sc - m_s) / σ_s,   σ_s² = ((n_s - 1) v_s + κ v̄) / (n_s - 1 + κ),
// with m_s and v_s the mean and variance of its n_s utilities, v̄ the pooled variance of all sources and κ = 10: a
// source of few ratings borrows its spread from the others (an inverse-gamma prior on the variance; Gelman et al.,
// Bayesian Data Analysis, section 2.6).
//
// Its preference for a over b in an item is
//     d_s(a, b) = z_sa - z_sb + γ o_s(a, b)             where it named a best: o = 1 for a, -1 for b, 0 for neither,
//     d_s(a, b) = (1 - τ) (z_sa - z_sb)                 where it called a tie,
//     d_s(a, b) = z_sa - z_sb                           where it was not asked which is better,
// and γ o_s or 0 where it gave no ratings. Where it said by how much the best is better (1 slightly, 2 clearly, 3 much),
// o is half of that; where it ranked all replies, o = 1 for whichever of a and b has the better place, 0 on one place.
// A skipped or missing judgement gives no preference at all.
import { groupBy } from '../core/groupBy.ts';
import type { CandidateId, ItemId } from '../core/ids.ts';
import { type Judgement, type Scores, sourceKey } from '../core/records.ts';
import { meanOf } from '../stats/correlation.ts';
import type { MergeConfig } from './pairsConfig.ts';

/** Prior ratings with which a source's spread is drawn to that of all sources. */
const PRIOR_RATINGS = 10;

/** A source's preference for `a` over `b`, two candidates of one item; a's id comes before b's in the alphabet. */
export interface Preference {
  itemId: ItemId;
  a: CandidateId;
  b: CandidateId;
  value: number;
  judgementId: string;
}

export interface SourcePreferences {
  source: string;
  kind: 'human' | 'judge';
  /** Mean of the utilities that it gave, in score points; null where it rated nothing. */
  mean: number | null;
  /** Spread that its ratings are divided by; null where it rated nothing. */
  sd: number | null;
  ratings: number;
  judgements: number;
  skipped: number;
  missing: number;
  preferences: Map<string, Preference>;
}

/** Key of an unordered pair of an item's candidates. */
export const pairKey = (itemId: ItemId, a: CandidateId, b: CandidateId) => JSON.stringify([itemId, a, b]);

type Utilities = Map<CandidateId, number>;

/** Each source's preferences, in the alphabet's order of the sources. @param judgements the latest of source and item. */
export function preferencesBySource(judgements: ReadonlyArray<Judgement>, config: MergeConfig): SourcePreferences[] {
  const bySource = groupBy(judgements, (judgement) => sourceKey(judgement.source));
  const rated = new Map(
    [...bySource].map(([source, own]) => [
      source,
      new Map(own.map((judgement) => [judgement, utilitiesOf(judgement, config)])),
    ]),
  );
  const spread = new Map(
    [...rated].map(([source, utilities]) => [
      source,
      spreadOf([...utilities.values()].flatMap((map) => [...map.values()])),
    ]),
  );
  const freedom = [...spread.values()].reduce((sum, { degrees }) => sum + degrees, 0);
  const pooled = [...spread.values()].reduce((sum, { squares }) => sum + squares, 0) / Math.max(1, freedom);
  return [...bySource]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([source, own]) => {
      const { squares = 0, degrees = 0, mean = 0, count = 0 } = spread.get(source) ?? {};
      const sd = Math.sqrt((squares + PRIOR_RATINGS * pooled) / (degrees + PRIOR_RATINGS));
      const preferences = new Map<string, Preference>();
      for (const judgement of own) {
        const utilities = rated.get(source)?.get(judgement) ?? new Map();
        for (const preference of preferencesOf(judgement, utilities, sd, config)) {
          preferences.set(pairKey(preference.itemId, preference.a, preference.b), preference);
        }
      }
      return {
        source,
        kind: own[0]?.source.kind ?? 'human',
        mean: count === 0 ? null : mean,
        sd: count === 0 ? null : sd,
        ratings: count,
        judgements: own.length,
        skipped: own.filter(({ comparison }) => comparison.kind === 'skip').length,
        missing: own.filter(({ comparison }) => comparison.kind === 'missing').length,
        preferences,
      };
    });
}

/** True where the source said something of the item. */
export function isVerdict(judgement: Judgement): boolean {
  return ['best', 'tie', 'none'].includes(judgement.comparison.kind);
}

function utilitiesOf(judgement: Judgement, config: MergeConfig): Utilities {
  const utilities: Utilities = new Map();
  if (!isVerdict(judgement)) return utilities;
  for (const id of judgement.presented) {
    const scores = judgement.ratings[id];
    const utility = scores === undefined ? null : utilityOf(scores, config.criterionWeights);
    if (utility !== null) utilities.set(id, utility);
  }
  return utilities;
}

/** Weighted mean of the scores; null where no criterion with a weight was scored. */
export function utilityOf(scores: Scores, weights: Readonly<Record<string, number>>): number | null {
  let total = 0;
  let sum = 0;
  for (const [criterion, score] of Object.entries(scores)) {
    const weight = weights[criterion] ?? 0;
    total += weight;
    sum += weight * score;
  }
  return total === 0 ? null : sum / total;
}

function spreadOf(values: ReadonlyArray<number>) {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, squares, degrees: Math.max(0, values.length - 1), count: values.length };
}

function preferencesOf(judgement: Judgement, utilities: Utilities, sd: number, config: MergeConfig): Preference[] {
  const { comparison, itemId, id: judgementId } = judgement;
  if (!isVerdict(judgement)) return [];
  const ids = judgement.presented.toSorted((x, y) => (x < y ? -1 : 1));
  const preferences: Preference[] = [];
  for (const [i, a] of ids.entries()) {
    for (const b of ids.slice(i + 1)) {
      const [ua, ub] = [utilities.get(a), utilities.get(b)];
      const rated = ua === undefined || ub === undefined ? null : sd === 0 ? 0 : (ua - ub) / sd;
      if (comparison.kind === 'best') {
        const named = comparison.candidateId === a ? 1 : comparison.candidateId === b ? -1 : 0;
        const order = orderOf(judgement, a, b) ?? (named * (judgement.strength ?? 2)) / 2;
        // Of two unrated candidates that are not the best nothing was said.
        if (rated === null && order === 0 && judgement.ranking === undefined) continue;
        preferences.push({ itemId, a, b, value: (rated ?? 0) + config.comparisonWeight * order, judgementId });
      } else if (comparison.kind === 'tie' && judgement.ranking !== undefined) {
        const order = orderOf(judgement, a, b) ?? 0;
        const shrunk = order === 0 ? (1 - config.tieShrink) * (rated ?? 0) : (rated ?? 0);
        preferences.push({ itemId, a, b, value: shrunk + config.comparisonWeight * order, judgementId });
      } else if (comparison.kind === 'tie') {
        preferences.push({ itemId, a, b, value: (1 - config.tieShrink) * (rated ?? 0), judgementId });
      } else if (rated !== null) {
        preferences.push({ itemId, a, b, value: rated, judgementId });
      }
    }
  }
  return preferences;
}

/** 1 where the ranking puts `a` before `b`, -1 after it, 0 on one place; null where there is no ranking of both. */
function orderOf({ ranking }: Judgement, a: CandidateId, b: CandidateId): number | null {
  if (ranking === undefined) return null;
  const placeOf = (id: CandidateId) => ranking.findIndex((place) => place.includes(id));
  const [ofA, ofB] = [placeOf(a), placeOf(b)];
  return ofA < 0 || ofB < 0 ? null : Math.sign(ofB - ofA);
}
