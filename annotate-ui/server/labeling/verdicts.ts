// What an answer must hold, given what its task asks; and the form in which it goes on record. Pure.
import type { Ask, CriterionCard } from '../../../src/core/annotation/project.ts';
import type { VerdictBody } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { CandidateId } from '../../../src/core/ids.ts';
import { judgementDetails } from '../../../src/core/records.ts';
import type { LabelingItem } from './labelingSet.ts';

const complain = (message: string) => new FourfoldError('bad-input', message);

/** What is asked of this item: by strength only two replies are compared, of more the best is named. */
export function askOf(ask: Ask, item: LabelingItem): Ask {
  return ask.comparison === 'strength' && item.candidateIds.length !== 2 ? { ...ask, comparison: 'best' } : ask;
}

type Answer = VerdictBody;

/**
 * Holds an answer to its task: every candidate on every criterion, the comparison that is asked for, and nothing that is
 * not; or a skip, which says nothing else but a comment and flags.
 * @returns the answer as it is recorded: with the comparison that follows from a ranking, and no empty parts.
 * @throws bad-input.
 */
export function checkAnswer(
  item: LabelingItem,
  given: Answer,
  { ask, criteria }: { ask: Ask; criteria: ReadonlyArray<CriterionCard> },
): Answer {
  const answer = withoutEmptyParts(given);
  checkDetails(item, answer, ask);
  if (answer.comparison.kind === 'skip') {
    if (!ask.skip) throw complain('comparison: this project lets nobody skip; expected an answer.');
    if (Object.keys(answer.ratings).length > 0) throw complain('Expected no ratings with a skip; send "ratings": {}.');
    if (answer.ranking !== undefined || answer.strength !== undefined || answer.bothBad !== undefined) {
      throw complain('Expected no ranking and no strength with a skip.');
    }
    return answer;
  }
  checkRatings(item, answer, ask.ratings ? criteria.map(({ id }) => id) : []);
  return { ...answer, comparison: checkComparison(item, answer, ask) };
}

/** The answer without what the client sent empty: { flags: {} } says nothing. */
function withoutEmptyParts(answer: Answer): Answer {
  const isEmpty = (value: unknown) =>
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  const details = Object.keys(judgementDetails).filter((key) => isEmpty(Reflect.get(answer, key)));
  return Object.fromEntries(Object.entries(answer).filter(([key]) => !details.includes(key))) as Answer;
}

function checkRatings(item: LabelingItem, { ratings }: Answer, criteria: ReadonlyArray<string>): void {
  const known = new Set<string>(item.candidateIds);
  for (const [candidateId, scores] of Object.entries(ratings)) {
    if (!known.has(candidateId)) throw complain(`ratings: ${candidateId} is not a candidate of ${item.id}.`);
    const odd = Object.keys(scores).find((name) => !criteria.includes(name));
    if (odd !== undefined) {
      throw complain(
        `ratings.${candidateId}: expected the criteria ${criteria.join(', ') || '(none are asked for)'}, got ${odd}.`,
      );
    }
  }
  for (const candidateId of item.candidateIds) {
    const missing = criteria.filter((criterion) => ratings[candidateId]?.[criterion] === undefined);
    if (missing.length > 0) {
      throw complain(
        `ratings: expected every candidate on every criterion; ${candidateId} lacks ${missing.join(', ')}.`,
      );
    }
  }
}

function checkComparison(item: LabelingItem, answer: Answer, ask: Ask): Answer['comparison'] {
  const { comparison, ranking, strength, bothBad } = answer;
  if (comparison.kind === 'best' && !item.candidateIds.includes(comparison.candidateId)) {
    throw complain(`comparison: ${comparison.candidateId} is not a candidate of ${item.id}.`);
  }
  if (ask.comparison !== 'ranking' && ranking !== undefined) throw complain('ranking: no ranking is asked for here.');
  if (ask.comparison !== 'strength' && (strength !== undefined || bothBad !== undefined)) {
    throw complain('strength, bothBad: not asked for here.');
  }
  switch (ask.comparison) {
    case 'none':
      if (comparison.kind !== 'none') throw complain('comparison: expected none, since no comparison is asked for.');
      return comparison;
    case 'best':
      if (comparison.kind === 'none') throw complain('comparison: expected best, tie or skip.');
      return comparison;
    case 'strength':
      if (comparison.kind === 'best' && strength !== undefined && bothBad === undefined) return comparison;
      if (comparison.kind === 'tie' && strength === undefined) return comparison;
      throw complain('comparison: expected best with a strength from 1 to 3, or a tie, with bothBad or without.');
    case 'ranking':
      return fromRanking(item, ranking ?? []);
    default:
      return ask.comparison satisfies never;
  }
}

/** The first place of a ranking: one best, or a tie of several. */
function fromRanking(item: LabelingItem, ranking: ReadonlyArray<ReadonlyArray<CandidateId>>): Answer['comparison'] {
  const ranked = ranking.flat().sort();
  const expected = [...item.candidateIds].sort();
  if (ranked.join() !== expected.join()) {
    throw complain(`ranking: expected each of ${expected.join(', ')} once, got ${ranked.join(', ') || 'none'}.`);
  }
  const [best, another] = ranking[0] ?? [];
  return best !== undefined && another === undefined ? { kind: 'best', candidateId: best } : { kind: 'tie' };
}

function checkDetails(item: LabelingItem, { flags, corrections, comment }: Answer, ask: Ask): void {
  if (flags !== undefined && !ask.flags) throw complain('flags: not asked for here.');
  if (corrections !== undefined && !ask.correction) throw complain('corrections: not asked for here.');
  if (comment !== undefined && !ask.comment) throw complain('comment: not asked for here.');
  const named = [...Object.keys(flags ?? {}), ...Object.keys(corrections ?? {})];
  const odd = named.find((candidateId) => !item.candidateIds.some((own) => own === candidateId));
  if (odd !== undefined) throw complain(`flags, corrections: ${odd} is not a candidate of ${item.id}.`);
}
