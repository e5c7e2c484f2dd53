// Pure reading of judgement logs. A log is append-only, so a change of mind is a later record of the same source.
import type { Judgement } from './records.ts';
import { sourceKey } from './records.ts';

/**
 * The judgement that counts of each source and item: the last one accepted, in order of first appearance.
 * A later `missing` never replaces an earlier verdict: a judge that fails today has not withdrawn what it said. One that
 * is marked as withdrawn does: the source then has said nothing. A lead's adjudication stands beside what the same
 * person may have said as a rater.
 * @param records in the order in which they were accepted, as a log gives them
 */
export function latestJudgements(records: Iterable<Judgement>): Judgement[] {
  const latest = new Map<string, Judgement>();
  for (const record of records) {
    const isAdjudication = record.role === 'adjudication';
    const key = JSON.stringify([record.candidateSetId, sourceKey(record.source), record.itemId, isAdjudication]);
    if (record.withdrawn) latest.delete(key);
    else if (record.comparison.kind !== 'missing' || !latest.has(key)) latest.set(key, record);
  }
  return [...latest.values()];
}

/**
 * Of the latest judgements, those from which pairs are made: where a lead adjudicated an item, the last such verdict
 * alone.
 */
export function decisiveJudgements(latest: ReadonlyArray<Judgement>): Judgement[] {
  const decided = new Map<string, Judgement>();
  for (const judgement of latest) {
    if (judgement.role === 'adjudication') decided.set(judgement.itemId, judgement);
  }
  return latest.filter((judgement) => (decided.get(judgement.itemId) ?? judgement) === judgement);
}
