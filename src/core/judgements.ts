// Pure reading of judgement logs. A log is append-only, so a change of mind is a later record of the same source.
import type { Judgement } from './records.ts';
import { sourceKey } from './records.ts';

/**
 * The judgement that counts of each source and item: the last one accepted, in order of first appearance.
 * A later `missing` never replaces an earlier verdict: a judge that fails today has not withdrawn what it said.
 * @param records in the order in which they were accepted, as a log gives them
 */
export function latestJudgements(records: Iterable<Judgement>): Judgement[] {
  const latest = new Map<string, Judgement>();
  for (const record of records) {
    const key = JSON.stringify([record.candidateSetId, sourceKey(record.source), record.itemId]);
    if (record.comparison.kind === 'missing' && latest.has(key)) continue;
    latest.set(key, record);
  }
  return [...latest.values()];
}
