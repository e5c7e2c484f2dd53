// The report: one HTML file that needs nothing else, neither network nor script. Data in, page out.
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { asStorageError } from '../core/errors.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import { Html, html } from './html.ts';
import { ReportData, type ReportInput } from './reportData.ts';
import type { Section } from './reportLayout.ts';
import { REPORT_STYLE } from './reportStyle.ts';
import { agreementSection } from './sections/agreement.ts';
import { commandsSection, configurationSection } from './sections/configuration.ts';
import { headlineSection } from './sections/headline.ts';
import { historySection } from './sections/history.ts';
import { lineageSection } from './sections/lineage.ts';
import { radarSection } from './sections/radar.ts';
import { repliesSection } from './sections/replies.ts';
import { samplesSection } from './sections/samples.ts';
import { trainingSection } from './sections/training.ts';
import { winRatesSection } from './sections/winRates.ts';

export const REPORT_DATA_FILE = 'report.json';
export const REPORT_PAGE_FILE = 'report.html';

// Nothing is loaded and no script runs, whatever a reply contains.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Draws the page. @throws bad-input for data that is not a report's. */
export function renderReport(input: ReportInput): string {
  const data = parseWith(ReportData, input, 'report data');
  const sections = sectionsOf(data);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="fourfold">
<title>${data.title}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<header class="top"><p class="product">fourfold <span>respond · rate · reward · reinforce</span></p>
<h1>${data.title}</h1>
${data.subtitle === undefined ? null : html`<p class="subtitle">${data.subtitle}</p>`}
<p class="when"><time datetime="${data.createdAt}">${dateWords(data.createdAt)}</time></p></header>
<main>
${headlineSection(data.headline)}
${
  sections.length < 2
    ? null
    : html`<nav aria-label="Contents"><ul>${sections.map(({ id, name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>`
}
${sections.map((section) => html`${section.content}\n`)}
</main>
<footer><p>Drawn by fourfold from ${REPORT_DATA_FILE}; <code>fourfold report</code> draws it again.</p></footer>
</body>
</html>
`;
  return page.text;
}

function sectionsOf(data: ReportData): Section[] {
  const { winRates, radar, samples, training, replies, agreement, history, lineage, configuration } = data;
  const sections: Array<Section | null> = [
    isFilled(winRates) ? winRatesSection(winRates) : null,
    radar === undefined ? null : radarSection(radar),
    samples === undefined ? null : samplesSection(samples),
    training === undefined ? null : trainingSection(training),
    isFilled(replies) ? repliesSection(replies) : null,
    agreement === undefined ? null : agreementSection(agreement),
    isFilled(history) ? historySection(history) : null,
    lineage === undefined ? null : lineageSection(lineage),
    configuration === undefined ? null : configurationSection(configuration),
    isFilled(data.reproduce) ? commandsSection('reproduce', 'How to reproduce', data.reproduce) : null,
    isFilled(data.nextSteps) ? commandsSection('next', 'Next steps', data.nextSteps) : null,
  ];
  return sections.filter((section) => section !== null);
}

const isFilled = <T>(items: T[] | undefined): items is T[] => items !== undefined && items.length > 0;

/** '22 November 2025, 17:54 UTC' */
function dateWords(iso: string): string {
  const date = new Date(iso);
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`;
}

/**
 * Stores the data as report.json and the page as report.html in a folder; gives their paths.
 * @throws storage-failed, bad-input.
 */
export async function writeReport(dir: string, input: ReportInput): Promise<{ dataPath: string; pagePath: string }> {
  const data = parseWith(ReportData, input, 'report data');
  const [dataPath, pagePath] = [join(dir, REPORT_DATA_FILE), join(dir, REPORT_PAGE_FILE)];
  await writeText(dataPath, `${JSON.stringify(data, null, 1)}\n`);
  await writeText(pagePath, renderReport(data));
  return { dataPath, pagePath };
}

/** Reads a report.json. @throws not-found, bad-input. */
export async function readReportData(path: string): Promise<ReportData> {
  return parseWith(ReportData, parseJson(await readTextFile(path), path), path);
}

/** Writes a file whole or not at all. @throws storage-failed. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(path, text);
  } catch (error) {
    throw asStorageError(error, path, 'write');
  }
}
