// fourfold report: draws the report's page again from its stored data, or a fresh one of what a workspace has.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import type { ReportInput } from '../../evaluate/reportData.ts';
import type { Workspace } from '../../store/workspace.ts';
import { defineCommand } from '../command.ts';

const ReportConfig = z.strictObject({
  data: z.string().min(1).optional().describe('The stored data of the report; default: report.json of the workspace'),
  run: z.string().min(1).optional().describe('Read the report.json of this run instead, by the id of the run'),
  model: z.string().min(1).optional().describe('Gather a fresh report of this model from the workspace'),
  output: z
    .string()
    .min(1)
    .optional()
    .describe('Where the page goes; default: report.html beside the data; report-MODEL.html with --model'),
});

export const command = defineCommand({
  name: 'report',
  describe: 'Draw the HTML report again from its stored data, or gather one',
  config: ReportConfig,
  async run({ config, workspace, workspaceDir, path, json, print }) {
    const report = await import('../../evaluate/report.ts');
    const sources = [config.data, config.run, config.model].filter((source) => source !== undefined);
    if (sources.length > 1) {
      throw new FourfoldError('bad-option', 'Expected one of --data, --run and --model, got several. Keep one.');
    }
    const dir = config.run === undefined ? workspaceDir : (await (await workspace()).runs.open(config.run)).dir;
    const dataPath = config.data === undefined ? join(dir, report.REPORT_DATA_FILE) : path(config.data);
    const isFresh = config.model !== undefined || (sources.length === 0 && !existsSync(dataPath));
    const pagePath =
      config.output === undefined
        ? join(isFresh ? workspaceDir : dirname(dataPath), pageFileOf(config.model) ?? report.REPORT_PAGE_FILE)
        : path(config.output);
    const data = isFresh ? await freshReport(await workspace(), config.model) : await report.readReportData(dataPath);
    await report.writeText(pagePath, report.renderReport(data));
    print(
      json
        ? JSON.stringify({ data: isFresh ? null : dataPath, page: pagePath, passed: data.headline.passed })
        : pagePath,
    );
  },
});

/** The page of one model leaves the workspace's own report as it is. */
const pageFileOf = (model: string | undefined) => (model === undefined ? null : `report-${model}.html`);

/** A report of the named model, or of the newest one, without a verdict: nothing was put to the test here. */
async function freshReport(workspace: Workspace, id: string | undefined): Promise<ReportInput> {
  const { collectReport } = await import('../../evaluate/collectReport.ts');
  const model = id === undefined ? workspace.artifacts.latest('model') : workspace.artifacts.require(id, 'model');
  if (model === null) {
    throw new FourfoldError(
      'not-found',
      `Expected a report.json or a model in ${workspace.dir}, got neither. Run fourfold demo, or name another --workspace.`,
    );
  }
  return {
    version: 1,
    title: `Report of ${model.id}`,
    createdAt: new Date().toISOString(),
    headline: { passed: null, seed: model.seed, ...(model.engine === null ? {} : { engine: model.engine }) },
    ...(await collectReport(workspace, model.id)),
  };
}
