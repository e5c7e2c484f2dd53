// fourfold agreement: how far raters agree, from any file of ratings.
import { z } from 'zod';
import { readTextFile } from '../../core/jsonl.ts';
import type { Estimate } from '../../stats/interval.ts';
import { MEASUREMENT_LEVELS } from '../../stats/krippendorff.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const AgreementConfig = z.strictObject({
  input: z.string().min(1).describe('File of ratings: JSON, JSON Lines, CSV or TSV'),
  item: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Column that names the item (default: item, id or idx, else the row)'),
  raters: z
    .array(z.string().min(1))
    .min(2)
    .nullable()
    .default(null)
    .describe('Wide form: the columns of the raters, separated by commas'),
  rater: z.string().min(1).default('rater').describe('Long form: column that names the rater'),
  value: z.string().min(1).default('value').describe('Long form: column of the rating'),
  missing: z.array(z.string()).default([]).describe('Words that stand for a missing rating, besides an empty cell'),
  level: z.enum(MEASUREMENT_LEVELS).default('nominal').describe("What the values are, for Krippendorff's alpha"),
  confidence: z.number().gt(0).lt(1).default(0.95).describe('Coverage of the intervals'),
  resamples: z.int().min(1).default(2000).describe('Bootstrap resamples, each of whole items'),
  seed: z.int().default(1).describe('Seed of the resamples'),
});

const interval = (estimate: Estimate | null) => (estimate === null ? null : { low: estimate.low, high: estimate.high });

export const command = defineCommand({
  name: 'agreement',
  describe: 'Tell how far raters agree, from a file of ratings',
  config: AgreementConfig,
  example: 'fourfold agreement --input ratings.csv --item id --raters ada,bela,cyd --level ordinal',
  async run({ config, json, path, print }) {
    const [{ parseRatings }, { summariseAgreement }] = await Promise.all([
      import('../../stats/readRatings.ts'),
      import('../../stats/agreementSummary.ts'),
    ]);
    const table = parseRatings(await readTextFile(path(config.input)), config.input, config);
    const summary = summariseAgreement(table, config.level, config);
    if (json) {
      print(
        JSON.stringify({
          items: summary.items,
          raters: summary.raters,
          ratings: summary.ratings,
          level: config.level,
          alpha: summary.alpha?.value ?? null,
          alphaInterval: interval(summary.alpha),
          fleissKappa: summary.fleissKappa?.value ?? null,
          fleissKappaInterval: interval(summary.fleissKappa),
          cohenKappa: summary.cohenKappa.map(({ raters, items, kappa }) => ({
            raters,
            items,
            kappa: kappa?.value ?? null,
            interval: interval(kappa),
          })),
          percentAgreement: summary.percentAgreement?.value ?? null,
          percentAgreementInterval: interval(summary.percentAgreement),
          majority: Object.fromEntries([...summary.majority].map(([label, { value }]) => [label, value])),
          majorityInterval: Object.fromEntries([...summary.majority].map(([label, held]) => [label, interval(held)])),
          noMajority: summary.noMajority,
        }),
      );
      return;
    }
    const row = (name: string, estimate: Estimate | null, digits = 4) => [
      name,
      estimate?.value.toFixed(digits) ?? '-',
      estimate === null ? 'not determined' : `${estimate.low.toFixed(digits)} to ${estimate.high.toFixed(digits)}`,
    ];
    print(
      tableText(
        [`${summary.items} items, ${summary.raters.length} raters`, 'value', `${100 * config.confidence} % interval`],
        [
          row(`Krippendorff's alpha (${config.level})`, summary.alpha),
          row("Fleiss' kappa", summary.fleissKappa),
          ...summary.cohenKappa.map(({ raters, kappa }) => row(`Cohen's kappa ${raters.join(', ')}`, kappa)),
          row('equal pairs of ratings (share)', summary.percentAgreement),
          ...[...summary.majority].map(([label, count]) => row(`items with a majority for ${label}`, count, 0)),
          ['items without a majority', String(summary.noMajority)],
        ],
      ),
    );
  },
});
