// Merges the preferences of humans and judges into chosen / rejected pairs with a soft label and a margin.
// Pure: judgements in, pairs and the sources' figures out. How one source's preferences d_s come about is in
// preferences.ts.
//
// Merged preference of a pair over the sources S that judged both of its candidates:
//     D(a, b) = Σ_{s in S} W_s d_s(a, b) / Σ_{s in S} W_s,   W_s = weight of its kind × reliability ρ_s,
//     ρ_s = clip((n_s r_s + n_0) / (n_s + n_0), 0.05, 1),
// where r_s is the correlation about zero of d_s with the others' mean, Σ W d / Σ W without s, over the n_s pairs that
// s and another source judged. n_0 = 10 stands for trust until shown otherwise, so a source that nobody overlaps with
// has ρ = 1. The weights depend on each other: five rounds, all from ρ = 1, each from the weights of the last, so that
// a random source first loses its weight and then its pull on the figures of the rest. (The weighting by agreement
// with the rest follows Dawid and Skene 1979 in spirit; with differences instead of classes.)
//
// Oriented so that D ≥ 0: margin = D, soft label = 1 / (1 + exp(-scale × D)) in [0.5, 1]. Ties stay, with a soft label
// at or near one half, unless minMargin leaves them out.
import { groupBy } from '../core/groupBy.ts';
import { contentId, type PromptId } from '../core/ids.ts';
import { seedOf } from '../core/random.ts';
import type { Candidate, Judgement, Pair, Prompt } from '../core/records.ts';
import { cosine } from '../stats/correlation.ts';
import type { MergeConfig } from './pairsConfig.ts';
import { type Preference, pairKey, preferencesBySource, type SourcePreferences } from './preferences.ts';

const TRUSTED_PAIRS = 10;
const LOWEST_RELIABILITY = 0.05;
const ROUNDS = 5;

/** A source with its part in the merge. */
export interface WeightedSource extends SourcePreferences {
  /** r_s: how well it agrees with the others; null where no pair was judged by another source too. */
  correlation: number | null;
  /** n_s */
  overlappingPairs: number;
  reliability: number;
  /** W_s */
  weight: number;
}

export interface Merged {
  /** In order of prompt, best separated first. */
  pairs: Pair[];
  sources: WeightedSource[];
}

export interface MergeInput {
  /** The latest judgement of each source and item. */
  judgements: ReadonlyArray<Judgement>;
  candidates: ReadonlyArray<Candidate>;
  prompts: ReadonlyArray<Pick<Prompt, 'id' | 'split'>>;
  config: MergeConfig;
  /** Seed of the split. */
  seed: number;
}

/** Pairs from judgements; see the head of this file. */
export function mergeJudgements({ judgements, candidates, prompts, config, seed }: MergeInput): Merged {
  const sources = weighSources(preferencesBySource(judgements, config), config);
  const candidateOf = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  const splitOf = new Map(prompts.map(({ id, split }) => [id, split]));
  const pairs: Pair[] = [];
  for (const given of preferencesByPair(sources).values()) {
    const [first] = given;
    const a = first === undefined ? undefined : candidateOf.get(first.preference.a);
    const b = first === undefined ? undefined : candidateOf.get(first.preference.b);
    if (a === undefined || b === undefined || a.text.trim() === b.text.trim()) continue;
    const preference = weightedMean(given);
    // Where no source carries any weight nothing is known; that is not a tie.
    if (preference === null || Math.abs(preference) < config.minMargin) continue;
    const isHeldOut = splitOf.get(a.promptId) === 'heldout' || splitOfPrompt(a.promptId, config, seed) === 'heldout';
    pairs.push(pairOf({ a, b, preference, given, split: isHeldOut ? 'heldout' : 'train', scale: config.scale }));
  }
  const byPrompt = groupBy(pairs, (pair) => pair.promptId);
  const kept = [...byPrompt.values()].flatMap((group) => {
    const sorted = group.toSorted((x, y) => y.margin - x.margin || (x.id < y.id ? -1 : 1));
    return config.pairsPerPrompt === 0 ? sorted : sorted.slice(0, config.pairsPerPrompt);
  });
  return { pairs: kept, sources };
}

/** Which split the pairs of a prompt belong to: a hash of the prompt, so never both. */
export function splitOfPrompt(promptId: PromptId, config: MergeConfig, seed: number): 'train' | 'heldout' {
  return seedOf('pair-split', seed, promptId) / 2 ** 32 < config.heldoutFraction ? 'heldout' : 'train';
}

/** The sources with reliability and weight. */
export function weighSources(sources: ReadonlyArray<SourcePreferences>, config: MergeConfig): WeightedSource[] {
  const baseOf = (kind: SourcePreferences['kind']) => (kind === 'human' ? config.humanWeight : config.judgeWeight);
  let weighted: WeightedSource[] = sources.map((source) => ({
    ...source,
    correlation: null,
    overlappingPairs: 0,
    reliability: 1,
    weight: baseOf(source.kind),
  }));
  for (let round = 0; round < ROUNDS; round++) {
    const byPair = preferencesByPair(weighted);
    weighted = weighted.map((source) => {
      const { correlation, overlappingPairs } = agreementWithOthers(source, byPair);
      const trusted = ((correlation ?? 0) * overlappingPairs + TRUSTED_PAIRS) / (overlappingPairs + TRUSTED_PAIRS);
      const reliability = Math.min(1, Math.max(LOWEST_RELIABILITY, correlation === null ? 1 : trusted));
      return { ...source, correlation, overlappingPairs, reliability, weight: baseOf(source.kind) * reliability };
    });
  }
  return weighted;
}

interface Given {
  source: string;
  weight: number;
  preference: Preference;
}

/** What the sources said of each pair that any of them judged. */
function preferencesByPair(sources: ReadonlyArray<WeightedSource>): Map<string, Given[]> {
  const all = sources.flatMap(({ source, weight, preferences }) =>
    [...preferences.values()].map((preference) => ({ source, weight, preference })),
  );
  return groupBy(all, ({ preference }) => pairKey(preference.itemId, preference.a, preference.b));
}

function agreementWithOthers(source: WeightedSource, byPair: ReadonlyMap<string, ReadonlyArray<Given>>) {
  const own: number[] = [];
  const others: number[] = [];
  for (const [key, { value }] of source.preferences) {
    const rest = weightedMean((byPair.get(key) ?? []).filter((given) => given.source !== source.source));
    if (rest === null) continue;
    own.push(value);
    others.push(rest);
  }
  return { correlation: cosine(own, others), overlappingPairs: own.length };
}

function weightedMean(given: ReadonlyArray<Given>): number | null {
  const total = given.reduce((sum, { weight }) => sum + weight, 0);
  return total === 0 ? null : given.reduce((sum, { weight, preference }) => sum + weight * preference.value, 0) / total;
}

function pairOf(found: {
  a: Candidate;
  b: Candidate;
  preference: number;
  given: ReadonlyArray<Given>;
  split: Pair['split'];
  scale: number;
}): Pair {
  const { a, b, preference, split, scale } = found;
  const given = found.given.filter(({ weight }) => weight > 0);
  const [chosen, rejected, sign] = preference >= 0 ? [a, b, 1] : [b, a, -1];
  const margin = Math.abs(preference);
  return {
    id: `pair-${contentId(chosen.id, rejected.id)}`,
    promptId: a.promptId,
    split,
    chosenId: chosen.id,
    rejectedId: rejected.id,
    chosen: chosen.text,
    rejected: rejected.text,
    softLabel: 1 / (1 + Math.exp(-scale * margin)),
    margin,
    provenance: {
      judgementIds: given.map((each) => each.preference.judgementId),
      // Adding 0 turns a tie's -0 into 0.
      preferences: Object.fromEntries(given.map((each) => [each.source, sign * each.preference.value + 0])),
      models: { chosen: chosen.model, rejected: rejected.model },
    },
  };
}
