// For tests of the page in a real browser: Chromium (CHROMIUM_PATH, default /usr/bin/chromium), a page that remembers
// its errors, and the accessibility scan.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { packagePath } from '../src/core/packageRoot.ts';

const chromiumPath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const LAUNCH_ARGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'];
/** What a lost connection and a refusal that the test asks for leave in the console. */
const EXPECTED = /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_FAILED|status of (401|409)/;

/** `describe`, or its skipping form where there is no Chromium. */
export const withBrowser = existsSync(chromiumPath) ? describe : describe.skip;
if (!existsSync(chromiumPath)) {
  process.stderr.write(`skipped: the page's tests need Chromium; none at ${chromiumPath} (set CHROMIUM_PATH)\n`);
}

export async function launchBrowser(): Promise<Browser> {
  if (!existsSync(packagePath('dist', 'annotate-ui', 'web', 'index.html'))) {
    throw new Error('The page is not built; run: npm run build:web');
  }
  return chromium.launch({ executablePath: chromiumPath, args: LAUNCH_ARGS });
}

export interface BrowserPage {
  context: BrowserContext;
  page: Page;
  /** Errors of the page and breaches of its security policy so far. */
  problems: string[];
  traffic: { open: number; lastAt: number };
}

/** A page of its own, as a person who comes anew has it. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserPage> {
  const context = await browser.newContext({
    locale: 'en-GB',
    reducedMotion: 'reduce',
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  const problems: string[] = [];
  const page = await context.newPage();
  watch(page, problems);
  const traffic = { open: 0, lastAt: Date.now() };
  const count = (change: number) => () => {
    traffic.open += change;
    traffic.lastAt = Date.now();
  };
  page.on('request', count(1));
  page.on('requestfinished', count(-1));
  page.on('requestfailed', count(-1));
  return { context, page, problems, traffic };
}

export function watch(page: Page, problems: string[]): void {
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !EXPECTED.test(message.text())) problems.push(message.text());
  });
}

const QUIET_MS = 300;

/** Waits until nothing is on its way to the server or back: what is fetched ahead is there. */
export async function quiet({ traffic }: BrowserPage): Promise<void> {
  while (traffic.open > 0 || Date.now() - traffic.lastAt < QUIET_MS) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

let axe: string | null = null;

/** Serious and critical issues that axe finds, each with the elements. */
export async function seriousIssues(page: Page): Promise<string[]> {
  axe ??= await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axe);
  const results: AxeResults = await page.evaluate('axe.run()');
  expect(results.passes.length).toBeGreaterThan(10);
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

/** What makes the page wider than the screen, as the elements that stick out. */
export const sticksOut = (page: Page): Promise<string[]> =>
  page.evaluate(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const isOut = (element) => element.getBoundingClientRect().right > clientWidth + 1;
    return [...document.querySelectorAll('body *')].filter(isOut).map((element) => element.outerHTML.slice(0, 80));
  })()`);

/** Scans what is on the screen in both themes, wide and at 360 px, and leaves it wide and light. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    const width = colorScheme === 'light' ? 1280 : 360;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 800 });
    expect(await seriousIssues(page)).toEqual([]);
    expect(await sticksOut(page)).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize({ width: 1280, height: 800 });
}
