// An estimate with its confidence interval, as it is stored and shown.
import { z } from 'zod';

export const Interval = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.infer<typeof Interval>;
