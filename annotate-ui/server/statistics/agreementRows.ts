// How far raters agree: by criterion (a unit is one reply of one item), on which reply is better (a unit is one item),
// and with each judge. Pure; heavy, so it runs beside the labeling (statistics.ts).
import type { AgreementReply, AgreementRow, JudgeRow } from '../../../src/core/annotation/lead.ts';
import type { Project } from '../../../src/core/annotation/project.ts';
import { groupBy } from '../../../src/core/groupBy.ts';
import type { Judgement } from '../../../src/core/records.ts';
import { summariseAgreement } from '../../../src/stats/agreementSummary.ts';
import { bootstrapCounts, bootstrapStatistic } from '../../../src/stats/bootstrap.ts';
import { meanOf, pearson } from '../../../src/stats/correlation.ts';
import { krippendorffAlpha, type MeasurementLevel } from '../../../src/stats/krippendorff.ts';
import { patternsOf } from '../../../src/stats/ratingTable.ts';

/** Under this name the gate and the figures speak of which reply is better. */
export const COMPARISON = 'comparison';
const OPTIONS = { resamples: 500, seed: 1 };
const MOST_PAIRS = 45;
/** A tie is an answer of its own. */
const TIE = '';

interface Rating {
  unit: string;
  rater: string;
  value: number | string;
}

const raterOf = ({ source }: Judgement) => (source.kind === 'human' ? source.annotatorId : source.judge);

/** 'best' names the reply, a tie ''; null where nothing was said on it. */
export function answerOf({ comparison }: Judgement): string | null {
  return comparison.kind === 'best' ? comparison.candidateId : comparison.kind === 'tie' ? TIE : null;
}

/** Which place the reply has among the item's by id, so that labels mean the same in every item, and chance is known. */
function placeOf({ presented }: Judgement, answer: string): string {
  return answer === TIE ? 'tie' : String(presented.map(String).sort().indexOf(answer));
}

/** What raters said of each unit, by criterion. */
function ratingsByCriterion(human: ReadonlyArray<Judgement>, project: Project): Map<string, Rating[]> {
  const found = new Map<string, Rating[]>(project.criteria.map(({ id }) => [id, []]));
  const compared: Rating[] = [];
  for (const judgement of human) {
    const rater = raterOf(judgement);
    for (const [candidateId, scores] of Object.entries(judgement.ratings)) {
      for (const [criterion, value] of Object.entries(scores)) {
        found.get(criterion)?.push({ unit: `${judgement.itemId} ${candidateId}`, rater, value });
      }
    }
    const answer = answerOf(judgement);
    if (answer === null) continue;
    compared.push({ unit: judgement.itemId, rater, value: placeOf(judgement, answer) });
  }
  return project.ask.comparison === 'none' ? found : found.set(COMPARISON, compared);
}

/**
 * Items with known answers, gold and practice, tell of a rater, not of how far raters agree: they are left out.
 * @param latest judgements that count, adjudications left out
 */
export function agreementRows(latest: ReadonlyArray<Judgement>, project: Project): AgreementRow[] {
  const known = new Set(
    [...(project.gold?.items ?? []), ...(project.qualification?.items ?? [])].map((item) => item.itemId),
  );
  const human = latest.filter(
    ({ source, role, itemId }) => source.kind === 'human' && role === undefined && !known.has(itemId),
  );
  return [...ratingsByCriterion(human, project)].map(([criterion, ratings]) => rowOf(criterion, ratings, project.gate));
}

function rowOf(criterion: string, ratings: ReadonlyArray<Rating>, gate: Project['gate']): AgreementRow {
  const units = [...groupBy(ratings, ({ unit }) => unit).values()];
  const shared = units.filter((unit) => unit.length >= 2);
  const isWords = criterion === COMPARISON;
  // Who gave which rating matters to none of these figures, so the columns are first, second, ... rating of a unit.
  const width = shared.reduce((most, unit) => Math.max(most, unit.length), 0);
  const summary = summariseAgreement(
    {
      items: shared.map((unit) => unit[0]?.unit ?? ''),
      raters: Array.from({ length: width }, (_, i) => String(i)),
      values: shared.map((unit) => Array.from({ length: width }, (_, i) => unit[i]?.value ?? null)),
    },
    'nominal',
    OPTIONS,
  );
  const alpha = {
    nominal: summary.alpha,
    ordinal: isWords ? null : alphaAt('ordinal', shared),
    interval: isWords ? null : alphaAt('interval', shared),
  };
  const bar = gate?.bars[criterion] ?? null;
  const figure = isWords ? alpha.nominal : alpha.ordinal;
  const isEnough = new Set(shared.map((unit) => unit[0]?.unit.split(' ')[0])).size >= (gate?.minimumItems ?? 0);
  return {
    criterion,
    units: shared.length,
    ratings: shared.reduce((sum, unit) => sum + unit.length, 0),
    alpha,
    fleissKappa: summary.fleissKappa,
    cohenKappa: cohenPairs(shared),
    percentAgreement: summary.percentAgreement,
    bar,
    gate: bar === null ? 'none' : isEnough && figure !== null && figure.value >= bar ? 'open' : 'shut',
  };
}

function alphaAt(level: MeasurementLevel, units: ReadonlyArray<ReadonlyArray<Rating>>) {
  const sorted = units.map((unit) => unit.map(({ value }) => Number(value)).sort((a, b) => a - b));
  const { patterns, patternOf } = patternsOf(sorted, (unit) => unit.join());
  return bootstrapCounts(patternOf, (weights) => [krippendorffAlpha(patterns, level, weights)], OPTIONS)[0] ?? null;
}

/** Cohen's kappa of the pairs of raters who share most units. */
function cohenPairs(units: ReadonlyArray<ReadonlyArray<Rating>>): AgreementRow['cohenKappa'] {
  const shared = new Map<string, Array<[Rating, Rating]>>();
  for (const unit of units) {
    const ordered = unit.toSorted((a, b) => (a.rater < b.rater ? -1 : 1));
    for (const [i, a] of ordered.entries()) {
      for (const b of ordered.slice(i + 1)) {
        const key = JSON.stringify([a.rater, b.rater]);
        const pairs = shared.get(key);
        if (pairs === undefined) shared.set(key, [[a, b]]);
        else pairs.push([a, b]);
      }
    }
  }
  const most = [...shared.values()].sort((a, b) => b.length - a.length).slice(0, MOST_PAIRS);
  return most.map((pairs) => {
    const raters: [string, string] = [pairs[0]?.[0].rater ?? '', pairs[0]?.[1].rater ?? ''];
    const values = pairs.map(([a, b]) => [a.value, b.value]);
    return { raters, units: pairs.length, kappa: kappaOf(values) };
  });
}

function twoColumns(values: ReadonlyArray<ReadonlyArray<number | string>>) {
  return summariseAgreement({ items: values.map((_, i) => String(i)), raters: ['a', 'b'], values }, 'nominal', OPTIONS);
}
const kappaOf = (values: ReadonlyArray<ReadonlyArray<number | string>>) =>
  twoColumns(values).cohenKappa[0]?.kappa ?? null;

/** Each judge against the raters: the most frequent answer, and the mean score. */
export function judgeRows(latest: ReadonlyArray<Judgement>, project: Project): JudgeRow[] {
  const human = groupBy(
    latest.filter(({ source, role }) => source.kind === 'human' && role !== 'adjudication'),
    ({ itemId }) => itemId,
  );
  const byJudge = groupBy(
    latest.filter(({ source }) => source.kind === 'judge'),
    raterOf,
  );
  return [...byJudge].map(([judge, own]) => {
    const both = own.flatMap((judgement) => {
      const raters = human.get(judgement.itemId);
      return raters === undefined || judgement.comparison.kind === 'missing' ? [] : [{ judgement, raters }];
    });
    const answers = both.flatMap(({ judgement, raters }) => {
      const [mine, theirs] = [answerOf(judgement), mostFrequent(raters.map(answerOf))];
      return mine === null || theirs === null ? [] : [[placeOf(judgement, mine), placeOf(judgement, theirs)]];
    });
    const compared = answers.length === 0 ? null : twoColumns(answers);
    return {
      judge,
      items: both.length,
      percentAgreement: compared?.percentAgreement ?? null,
      kappa: compared?.cohenKappa[0]?.kappa ?? null,
      correlation: Object.fromEntries(
        project.criteria.map(({ id }) => [id, bootstrapStatistic(scorePairs(both, id), correlate, OPTIONS)]),
      ),
      missing: own.filter(({ comparison }) => comparison.kind === 'missing').length,
    };
  });
}

const correlate = (pairs: ReadonlyArray<readonly [number, number]>) =>
  pearson(
    pairs.map(([x]) => x),
    pairs.map(([, y]) => y),
  );

function scorePairs(both: ReadonlyArray<{ judgement: Judgement; raters: Judgement[] }>, criterion: string) {
  return both.flatMap(({ judgement, raters }) =>
    judgement.presented.flatMap((candidateId) => {
      const mine = judgement.ratings[candidateId]?.[criterion];
      const theirs = raters.flatMap(({ ratings }) => ratings[candidateId]?.[criterion] ?? []);
      return mine === undefined || theirs.length === 0 ? [] : [[mine, meanOf(theirs)] as const];
    }),
  );
}

/** The answer given more often than any other, or null. */
function mostFrequent(answers: ReadonlyArray<string | null>): string | null {
  const counts = new Map<string, number>();
  for (const answer of answers) if (answer !== null) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
  return first === undefined || first[1] === second?.[1] ? null : first[0];
}

/** Whether pairs may be built, and why not. */
export function gateOf(rows: ReadonlyArray<AgreementRow>): AgreementReply['gate'] {
  if (rows.every(({ gate }) => gate === 'none')) return { state: 'none', reasons: [] };
  const shut = rows.filter(({ gate }) => gate === 'shut');
  const reasons = shut.map(({ criterion, alpha, bar, units }) => {
    const figure = (criterion === COMPARISON ? alpha.nominal : alpha.ordinal)?.value;
    const found = figure === undefined ? 'not known yet' : figure.toFixed(3);
    return `${criterion}: alpha is ${found} over ${units} units that two or more rated, the bar is ${bar}`;
  });
  return { state: shut.length === 0 ? 'open' : 'shut', reasons };
}
