// fourfold pairs: merges the judgements of a candidate set into chosen / rejected pairs.
import type { MergeReport } from '../../reward/mergeReport.ts';
import { PairsConfig } from '../../reward/pairsConfig.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

export const command = defineCommand({
  name: 'pairs',
  describe: 'Merge the judgements of humans and judges into chosen / rejected pairs',
  config: PairsConfig,
  printsConfig: true,
  stopNote: 'stopping; press Ctrl-C again to quit at once',
  async run({ config, workspace, json, print, note }) {
    const [{ buildPairs }, { applyProject }] = await Promise.all([
      import('../../reward/pairs.ts'),
      import('../pairsProject.ts'),
    ]);
    const opened = await workspace();
    const { artifact, report } = await buildPairs({
      workspace: opened,
      config: await applyProject(opened, config, note),
    });
    if (json) {
      print(JSON.stringify({ id: artifact.id, ...report }));
      return;
    }
    for (const line of tableOf(artifact.id, report)) print(line);
    note('Next: fourfold reward.');
  },
});

const figure = (value: number | null) => (value === null ? 'n/a' : value.toFixed(3));

function tableOf(id: string, report: MergeReport): string[] {
  const { agreement } = report;
  const head = ['source', 'kind', 'judged', 'skipped', 'missing', 'mean', 'sd', 'reliability', 'weight'];
  const rows = report.sources.map((source) => [
    source.source,
    source.kind,
    String(source.judgements - source.skipped - source.missing),
    String(source.skipped),
    String(source.missing),
    figure(source.mean),
    figure(source.sd),
    figure(source.reliability),
    figure(source.weight),
  ]);
  return [
    `${id}: ${report.pairs} pairs of ${report.prompts} prompts, ${report.trainPairs} to train, ${report.heldoutPairs} held out`,
    `mean soft label ${figure(report.meanSoftLabel)}, mean margin ${figure(report.meanMargin)}, ties ${report.ties}`,
    '',
    tableText(head, rows),
    '',
    ...Object.entries(agreement.humanAlpha).map(([name, alpha]) => `alpha of the humans, ${name}: ${figure(alpha)}`),
    `alpha of the humans, which is better: ${figure(agreement.humanPreferenceAlpha)}`,
    ...agreement.judges.map(
      ({ source, pairs, sameDirection, kappa, correlation }) =>
        `${source} against the humans, ${pairs} pairs: same direction ${figure(sameDirection)}, kappa ${figure(kappa)}, correlation ${figure(correlation)}`,
    ),
  ];
}
