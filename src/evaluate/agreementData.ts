// From a merge's figures (merge.json of a pair set) to the agreement section of a report.
import { z } from 'zod';
import type { Agreement } from './reportData.ts';

/** What of merge.json is read here; the rest passes by. */
export const MergeFigures = z.object({
  sources: z.array(
    z.object({
      source: z.string(),
      kind: z.enum(['human', 'simulated', 'judge']),
      judgements: z.int(),
      /** Mean of its utilities, in score points. */
      mean: z.number().nullable(),
      reliability: z.number(),
      missing: z.int(),
      skipped: z.int(),
    }),
  ),
  agreement: z.object({
    humanAlpha: z.record(z.string(), z.number().nullable()),
    humanPreferenceAlpha: z.number().nullable(),
    judges: z.array(
      z.object({ source: z.string(), sameDirection: z.number().nullable(), kappa: z.number().nullable() }),
    ),
  }),
});
export type MergeFigures = z.infer<typeof MergeFigures>;

/** A source's bias is its mean score less the mean over all who rated as people do (human or simulated). */
export function agreementData({ sources, agreement }: MergeFigures): Agreement {
  const raters = sources.filter(({ kind }) => kind !== 'judge');
  const means = raters.flatMap(({ mean }) => (mean === null ? [] : [mean]));
  const panelMean = means.length === 0 ? null : means.reduce((sum, mean) => sum + mean, 0) / means.length;
  const panel = `${raters.length} ${raters.length === 1 ? 'rater' : 'raters'}`;
  const measures: Agreement['measures'] = [];
  const add = (name: string, between: string, value: number | null) => {
    if (value !== null) measures.push({ name, between, value });
  };
  for (const [criterion, alpha] of Object.entries(agreement.humanAlpha)) {
    add(`Krippendorff’s alpha, ordinal, ${criterion}`, panel, alpha);
  }
  add('Krippendorff’s alpha, which is better', panel, agreement.humanPreferenceAlpha);
  for (const { source, kappa } of agreement.judges) {
    add('Cohen’s kappa, which is better', `the raters together and ${source}`, kappa);
  }
  return {
    measures,
    raters: sources.map(({ source, kind, judgements, mean, reliability, missing, skipped }) => {
      const direction = agreement.judges.find((judge) => judge.source === source)?.sameDirection ?? null;
      const notes = [skipped > 0 ? `${skipped} skipped` : [], missing > 0 ? `${missing} missing` : []].flat();
      return {
        name: source,
        kind,
        judgements,
        reliability,
        ...(direction === null ? {} : { agreement: direction }),
        ...(mean === null || panelMean === null ? {} : { bias: mean - panelMean }),
        ...(notes.length === 0 ? {} : { note: notes.join(', ') }),
      };
    }),
  };
}
