// Each rater's record: pace, agreement with the others and with known answers, drift, position and length bias. Pure.
import type { Bias, RaterRow } from '../../../src/core/annotation/lead.ts';
import type { Project } from '../../../src/core/annotation/project.ts';
import { groupBy } from '../../../src/core/groupBy.ts';
import type { Judgement } from '../../../src/core/records.ts';
import { bootstrapMean, quantile } from '../../../src/stats/bootstrap.ts';
import { meanOf } from '../../../src/stats/correlation.ts';
import { scoreAnswer } from '../labeling/knownAnswers.ts';
import { answerOf } from './agreementRows.ts';

/** What a row holds of the judgements; name and standing are the server's to add. */
export type RaterFigures = Omit<RaterRow, 'name' | 'qualification' | 'paused'>;

const OPTIONS = { resamples: 500, seed: 1 };
/** A longer gap between two labels is a break. */
const BREAK_MS = 10 * 60 * 1000;
const TENTHS = 10;
/** Fewer labels than this in a part tell nothing of drift. */
const LEAST_IN_PART = 3;

const meanOrNull = (values: ReadonlyArray<number>) => (values.length === 0 ? null : meanOf(values));
const estimate = (values: ReadonlyArray<number>) =>
  values.length === 0
    ? null
    : bootstrapMean(
        values.map((value) => [value]),
        OPTIONS,
      );

/** @param latest judgements that count; @param lengthOf characters of a reply */
export function raterFigures(
  latest: ReadonlyArray<Judgement>,
  project: Project,
  lengthOf: (candidateId: string) => number,
): RaterFigures[] {
  const human = latest.filter(({ source, role }) => source.kind === 'human' && role !== 'adjudication');
  const byItem = groupBy(human, ({ itemId }) => itemId);
  const byRater = groupBy(human, ({ source }) => (source.kind === 'human' ? source.annotatorId : null));
  const known = new Map((project.gold?.items ?? []).map((item) => [item.itemId, item]));
  return [...byRater].flatMap(([id, own]) => {
    if (id === null) return [];
    const inTime = own.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    const labels = inTime.filter(({ comparison }) => comparison.kind !== 'skip');
    const othersOf = ({ itemId }: Judgement) =>
      (byItem.get(itemId) ?? []).filter(({ source }) => source.kind === 'human' && source.annotatorId !== id);
    const agreement = (judgement: Judgement) => agreementWith(judgement, othersOf(judgement));
    const seconds = labels.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs / 1000]));
    const sorted = seconds.toSorted((a, b) => a - b);
    const gold = labels.flatMap((judgement) => {
      const answer = known.get(judgement.itemId);
      return answer === undefined ? [] : [scoreAnswer(answer, judgement)];
    });
    const first = inTime[0]?.source;
    return [
      {
        id,
        simulated: first?.kind === 'human' && first.simulated,
        labels: labels.length,
        skipped: own.length - labels.length,
        perHour: perHour(inTime),
        secondsMedian: sorted.length === 0 ? null : quantile(sorted, 0.5),
        secondsP90: sorted.length === 0 ? null : quantile(sorted, 0.9),
        lastAt: inTime.at(-1)?.createdAt ?? null,
        agreementWithOthers: estimate(labels.flatMap((judgement) => agreement(judgement) ?? [])),
        criteria: criteriaOf(labels, project, othersOf),
        gold: { answers: gold.length, score: estimate(gold) },
        drift: driftOf(labels, agreement),
        positionBias: biasOf(labels, ({ presented }) => presented[0] ?? null),
        lengthBias: biasOf(labels, (judgement) => longestOf(judgement, lengthOf)),
      },
    ];
  });
}

/** Share of the others who gave the same answer; null where there is none, or nothing to compare. */
function agreementWith(judgement: Judgement, others: ReadonlyArray<Judgement>): number | null {
  const mine = answerOf(judgement);
  const theirs = others.map(answerOf).filter((answer) => answer !== null);
  return mine === null || theirs.length === 0
    ? null
    : theirs.filter((answer) => answer === mine).length / theirs.length;
}

/** Labels an hour of work: gaps between consecutive labels, breaks left out. */
function perHour(inTime: ReadonlyArray<Judgement>): number | null {
  const times = inTime.map(({ createdAt }) => Date.parse(createdAt));
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  const worked = gaps.filter((gap) => gap <= BREAK_MS);
  const hours = worked.reduce((sum, gap) => sum + gap, 0) / 3_600_000;
  return hours === 0 ? null : worked.length / hours;
}

function criteriaOf(
  labels: ReadonlyArray<Judgement>,
  project: Project,
  othersOf: (judgement: Judgement) => Judgement[],
): RaterRow['criteria'] {
  return Object.fromEntries(
    project.criteria.flatMap(({ id }) => {
      const scores: number[] = [];
      const differences: number[] = [];
      for (const judgement of labels) {
        const others = othersOf(judgement);
        for (const candidateId of judgement.presented) {
          const score = judgement.ratings[candidateId]?.[id];
          if (score === undefined) continue;
          scores.push(score);
          const theirs = others.flatMap(({ ratings }) => ratings[candidateId]?.[id] ?? []);
          if (theirs.length > 0) differences.push(score - meanOf(theirs));
        }
      }
      const mean = meanOrNull(scores);
      return mean === null ? [] : [[id, { mean, differenceFromOthers: estimate(differences) }]];
    }),
  );
}

function driftOf(labels: ReadonlyArray<Judgement>, agreement: (judgement: Judgement) => number | null) {
  const parts = Math.min(TENTHS, Math.floor(labels.length / LEAST_IN_PART));
  return Array.from({ length: parts }, (_, part) => {
    const own = labels.slice((labels.length * part) / parts, (labels.length * (part + 1)) / parts);
    const scores = own.flatMap(({ ratings }) => Object.values(ratings).flatMap((given) => Object.values(given)));
    return {
      from: own[0]?.createdAt ?? '',
      labels: own.length,
      meanScore: meanOrNull(scores),
      agreement: meanOrNull(own.flatMap((judgement) => agreement(judgement) ?? [])),
      seconds: meanOrNull(own.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs / 1000]))),
    };
  });
}

/** The reply that is longer than all others, or null. */
function longestOf({ presented }: Judgement, lengthOf: (candidateId: string) => number): string | null {
  const [first, second] = presented.map((id) => ({ id, length: lengthOf(id) })).sort((a, b) => b.length - a.length);
  return first === undefined || first.length === second?.length ? null : first.id;
}

/** How often the marked reply is named best, against one in as many as were shown. */
function biasOf(labels: ReadonlyArray<Judgement>, marked: (judgement: Judgement) => string | null): Bias | null {
  const choices = labels.flatMap((judgement) => {
    const mark = marked(judgement);
    if (judgement.comparison.kind !== 'best' || mark === null) return [];
    const isChosen = judgement.comparison.candidateId === mark ? 1 : 0;
    return [{ isChosen, expected: 1 / judgement.presented.length }];
  });
  const difference = estimate(choices.map(({ isChosen, expected }) => isChosen - expected));
  if (difference === null) return null;
  return {
    share: meanOf(choices.map(({ isChosen }) => isChosen)),
    expected: meanOf(choices.map(({ expected }) => expected)),
    difference,
    choices: choices.length,
  };
}
