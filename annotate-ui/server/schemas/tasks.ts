// What the task routes take from the address.
import { z } from 'zod';
import { ItemId } from '../../../src/core/ids.ts';

const MAX_EXCLUDED = 50;

/** `exclude`: item ids apart by commas, which the client holds already (being judged, or waiting to be sent). */
export const NextQuery = z.strictObject({
  exclude: z
    .string()
    .max(MAX_EXCLUDED * 130)
    .refine((text) => text.split(',').length <= MAX_EXCLUDED, `expected ${MAX_EXCLUDED} item ids at most`)
    .optional(),
});

/** The ids in the text; none where there is no text. */
export const idsIn = (text: string | undefined): ReadonlySet<string> =>
  new Set(text === undefined || text === '' ? [] : text.split(','));

export const RecentQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(100).default(20) });

export const ItemParams = z.strictObject({ itemId: ItemId });
