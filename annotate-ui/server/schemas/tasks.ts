// What the task routes take from the address.
import { z } from 'zod';
import { FourfoldError } from '../../../src/core/errors.ts';
import { ItemId } from '../../../src/core/ids.ts';
import { CRITERIA } from '../../../src/core/records.ts';
import type { LabelingItem } from '../candidateSet.ts';
import type { Verdict } from '../judgementBook.ts';

const MAX_EXCLUDED = 50;

/** `exclude`: item ids apart by commas, which the client holds already (being judged, or waiting to be sent). */
export const NextQuery = z.strictObject({
  exclude: z
    .string()
    .optional()
    .transform((text) => new Set(text === undefined || text === '' ? [] : text.split(',')))
    .refine((ids) => ids.size <= MAX_EXCLUDED, `expected ${MAX_EXCLUDED} item ids at most`),
});

export const ItemParams = z.strictObject({ itemId: ItemId });

const complain = (message: string) => new FourfoldError('bad-input', message);

/** Holds a verdict to its item: every candidate on every criterion, or a skip with no ratings. @throws bad-input. */
export function checkVerdict(item: LabelingItem, { ratings, comparison }: Verdict): void {
  const given = Object.entries(ratings);
  if (comparison.kind === 'skip') {
    if (given.length > 0) throw complain('Expected no ratings with a skip; send "ratings": {}.');
    return;
  }
  const known = new Set<string>(item.candidateIds);
  for (const [candidateId, scores] of given) {
    if (!known.has(candidateId)) throw complain(`ratings: ${candidateId} is not a candidate of ${item.id}.`);
    const odd = Object.keys(scores).find((name) => !CRITERIA.some((criterion) => criterion === name));
    if (odd !== undefined) {
      throw complain(`ratings.${candidateId}: expected the criteria ${CRITERIA.join(', ')}, got ${odd}.`);
    }
  }
  for (const candidateId of item.candidateIds) {
    const missing = CRITERIA.filter((criterion) => ratings[candidateId]?.[criterion] === undefined);
    if (missing.length > 0) {
      throw complain(
        `ratings: expected every candidate on every criterion; ${candidateId} lacks ${missing.join(', ')}.`,
      );
    }
  }
  if (comparison.kind === 'none') throw complain('comparison: expected best, tie or skip.');
  if (comparison.kind === 'best' && !known.has(comparison.candidateId)) {
    throw complain(`comparison: ${comparison.candidateId} is not a candidate of ${item.id}.`);
  }
}
