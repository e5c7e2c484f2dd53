// fourfold report: draws the report's page again from its stored data.
import { z } from 'zod';
import { defineCommand } from '../command.ts';

export const ReportConfig = z.strictObject({
  data: z.string().min(1).optional().describe('The stored data of the report; default: report.json of the workspace'),
  run: z.string().min(1).optional().describe('Read the report.json of this run instead, by the id of the run'),
  output: z.string().min(1).optional().describe('Where the page goes; default: report.html beside the data'),
});

export const command = defineCommand({
  name: 'report',
  describe: 'Draw the HTML report again from its stored data',
  config: ReportConfig,
  async run({ config, workspace, workspaceDir, path, json, print }) {
    const { dirname, join } = await import('node:path');
    const { FourfoldError } = await import('../../core/errors.ts');
    const { readReportData, renderReport, writeText, REPORT_DATA_FILE, REPORT_PAGE_FILE } = await import(
      '../../evaluate/report.ts'
    );
    if (config.data !== undefined && config.run !== undefined) {
      throw new FourfoldError('bad-option', 'Expected either --data or --run, got both. Leave one out.');
    }
    const dir = config.run === undefined ? workspaceDir : (await (await workspace()).runs.open(config.run)).dir;
    const dataPath = config.data === undefined ? join(dir, REPORT_DATA_FILE) : path(config.data);
    const pagePath = config.output === undefined ? join(dirname(dataPath), REPORT_PAGE_FILE) : path(config.output);
    const data = await readReportData(dataPath);
    await writeText(pagePath, renderReport(data));
    print(json ? JSON.stringify({ data: dataPath, page: pagePath, passed: data.headline.passed }) : pagePath);
  },
});
