// The figures of a merge: who went in with what weight, and how far the sources agree.
import { groupBy } from '../core/groupBy.ts';
import { type Judgement, sourceKey } from '../core/records.ts';
import { cohenKappa, percentAgreement } from '../stats/agreement.ts';
import { cosine } from '../stats/correlation.ts';
import { krippendorffAlpha } from '../stats/krippendorff.ts';
import type { Merged, WeightedSource } from './merge.ts';
import { isVerdict } from './preferences.ts';

export interface SourceReport {
  source: string;
  kind: 'human' | 'simulated' | 'judge';
  judgements: number;
  skipped: number;
  missing: number;
  ratings: number;
  /** Mean and spread of its utilities, in score points. */
  mean: number | null;
  sd: number | null;
  correlation: number | null;
  overlappingPairs: number;
  reliability: number;
  weight: number;
}

export interface MergeReport {
  pairs: number;
  trainPairs: number;
  heldoutPairs: number;
  prompts: number;
  /** Pairs at a soft label of exactly one half. */
  ties: number;
  meanSoftLabel: number | null;
  meanMargin: number | null;
  sources: SourceReport[];
  agreement: {
    /** Krippendorff's alpha (ordinal) of the humans by criterion; null where it is not determined. */
    humanAlpha: Record<string, number | null>;
    /** Alpha (nominal) of the humans on which of two candidates is better, or neither. */
    humanPreferenceAlpha: number | null;
    /** Each judge against the humans' summed preference, over the pairs that both judged. */
    judges: Array<{
      source: string;
      pairs: number;
      /** Share and Cohen's kappa of the same direction (better, worse, neither). */
      sameDirection: number | null;
      kappa: number | null;
      correlation: number | null;
    }>;
  };
}

/** @param judgements those that were merged. */
export function reportMerge(merged: Merged, judgements: ReadonlyArray<Judgement>): MergeReport {
  const { pairs, sources } = merged;
  const mean = (values: number[]) => (values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length);
  const humans = sources.filter(({ kind }) => kind === 'human');
  const judges = sources.filter(({ kind }) => kind === 'judge');
  return {
    pairs: pairs.length,
    trainPairs: pairs.filter(({ split }) => split === 'train').length,
    heldoutPairs: pairs.filter(({ split }) => split === 'heldout').length,
    prompts: new Set(pairs.map(({ promptId }) => promptId)).size,
    ties: pairs.filter(({ margin }) => margin === 0).length,
    meanSoftLabel: mean(pairs.map(({ softLabel }) => softLabel)),
    meanMargin: mean(pairs.map(({ margin }) => margin)),
    sources: sources.map((source) => sourceReport(source, judgements)),
    agreement: {
      humanAlpha: humanAlpha(judgements),
      humanPreferenceAlpha: krippendorffAlpha(
        directions(humans).map((unit) => unit.map((value) => (value === null ? null : Math.sign(value)))),
        'nominal',
      ),
      judges: judges.map((judge) => againstHumans(judge, humans)),
    },
  };
}

function sourceReport(source: WeightedSource, judgements: ReadonlyArray<Judgement>): SourceReport {
  const { preferences: _, kind, ...figures } = source;
  const isSimulated = judgements.some(
    (judgement) =>
      judgement.source.kind === 'human' && judgement.source.simulated && sourceKey(judgement.source) === source.source,
  );
  return { ...figures, kind: isSimulated ? 'simulated' : kind };
}

/** Ordinal alpha by criterion; a unit is one candidate of one item. */
function humanAlpha(judgements: ReadonlyArray<Judgement>): Record<string, number | null> {
  const human = judgements.filter((judgement) => judgement.source.kind === 'human' && isVerdict(judgement));
  const given = human.flatMap((judgement) =>
    Object.entries(judgement.ratings).flatMap(([candidateId, scores]) =>
      Object.entries(scores).map(([criterion, score]) => ({
        criterion,
        score,
        unit: JSON.stringify([judgement.itemId, candidateId]),
      })),
    ),
  );
  return Object.fromEntries(
    [...groupBy(given, ({ criterion }) => criterion)].map(([criterion, scores]) => {
      const units = [...groupBy(scores, ({ unit }) => unit).values()];
      return [
        criterion,
        krippendorffAlpha(
          units.map((unit) => unit.map(({ score }) => score)),
          'ordinal',
        ),
      ];
    }),
  );
}

/** [pairs][sources]: each source's preference of each pair that one of them judged. */
function directions(sources: ReadonlyArray<WeightedSource>): Array<Array<number | null>> {
  const keys = new Set(sources.flatMap(({ preferences }) => [...preferences.keys()]));
  return [...keys].map((key) => sources.map(({ preferences }) => preferences.get(key)?.value ?? null));
}

function againstHumans(judge: WeightedSource, humans: ReadonlyArray<WeightedSource>) {
  const own: number[] = [];
  const theirs: number[] = [];
  for (const [key, { value }] of judge.preferences) {
    const said = humans.flatMap(({ preferences }) => preferences.get(key)?.value ?? []);
    if (said.length === 0) continue;
    own.push(value);
    theirs.push(said.reduce((a, b) => a + b, 0));
  }
  const [a, b] = [own.map(Math.sign), theirs.map(Math.sign)];
  return {
    source: judge.source,
    pairs: own.length,
    sameDirection: percentAgreement(a, b),
    kappa: cohenKappa(a, b),
    correlation: cosine(own, theirs),
  };
}
