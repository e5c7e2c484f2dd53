// The labeling page in a real browser: signing in by link, labeling by keyboard alone, reloads, restarts, a lost
// connection, and an accessibility scan. Needs Chromium (CHROMIUM_PATH, default /usr/bin/chromium) and the built page.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type RunningServer, startServer } from '../annotate-ui/server/server.ts';
import { labelingWorkspace, plainContent, type SetContent } from '../annotate-ui/server/testing/labelingWorkspace.ts';
import type { CandidateId } from '../src/core/ids.ts';
import type { Judgement } from '../src/core/records.ts';
import { openWorkspace, type Workspace } from '../src/store/workspace.ts';
import {
  expectAccessible,
  launchBrowser,
  openPage,
  press as pressOn,
  seriousIssues,
  withBrowser,
} from './browserPage.ts';

withBrowser('the labeling page', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let server: RunningServer | null = null;
  let problems: string[];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    await openContext('en-GB');
  });
  afterEach(async () => {
    await context.close();
    await server?.close();
    server = null;
    // Neither an error of the page nor a breach of its security policy.
    expect(problems).toEqual([]);
  });

  async function openContext(locale: string) {
    ({ context, page, problems } = await openPage(browser, { locale }));
  }

  async function serve(workspace: Workspace, port = 0): Promise<string> {
    server = await startServer({ workspace, port });
    return server.url;
  }

  async function startWith(content: SetContent[] = plainContent(3)) {
    const made = await labelingWorkspace(content);
    const url = await serve(made.workspace);
    return { ...made, url, link: `${url}/#token=${made.token}`, log: made.workspace.judgements(made.set.id) };
  }

  async function open(link: string): Promise<void> {
    await page.goto(link);
    await page.locator('.card').first().waitFor();
  }

  const press = (...keys: string[]) => pressOn(page, ...keys);

  /** Text of the prompt on the screen. */
  const promptText = () => page.locator('.conversation .text').textContent();
  const checkedScores = () => page.locator('.steps input:checked').count();

  /** Labels the item on the screen by keyboard and waits for what comes next. */
  async function label(digits: string, verdict: string): Promise<void> {
    const before = await promptText();
    await press(...digits, verdict, 'Enter');
    await page.waitForFunction(
      `document.querySelector('.notice h1') !== null || document.querySelector('.conversation .text')?.textContent !== ${JSON.stringify(before)}`,
    );
  }

  async function recordsOf(log: { read(): Promise<Judgement[]> }, count: number): Promise<Judgement[]> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const records = await log.read();
      if (records.length >= count || Date.now() > deadline) return records;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test('signs in by link, labels three items by keyboard alone, and thanks', async () => {
    const { link, log } = await startWith();
    await open(link);
    // The token is neither in the address nor anywhere in the history.
    expect(page.url()).not.toContain('token');
    const orders: string[][] = [];
    for (const verdict of ['Shift+B', 't', 'w']) {
      orders.push(await page.locator('.card .text').allInnerTexts());
      // Nine digits: three criteria of A, then of B, then of C. 'w' takes the marked reply, so go back to A for it.
      if (verdict === 'w') {
        await press(...'123454321', 'a');
        await label('', 'w');
      } else {
        await label('123454321', verdict);
      }
    }
    expect(await page.locator('.notice h1').textContent()).toBe('All done. Thank you!');
    await page.getByText('You judged 3 items. Every one is saved.').waitFor();

    const records = await recordsOf(log, 3);
    expect(records).toHaveLength(3);
    expect(records.map((record) => record.comparison)).toEqual([
      { kind: 'best', candidateId: records[0]?.presented[1] },
      { kind: 'tie' },
      { kind: 'best', candidateId: records[2]?.presented[0] },
    ]);
    for (const record of records) {
      const byLetter = record.presented.map((candidateId) => record.ratings[candidateId]);
      expect(byLetter).toEqual([
        { instructionFollowing: 1, fluency: 2, safety: 3 },
        { instructionFollowing: 4, fluency: 5, safety: 4 },
        { instructionFollowing: 3, fluency: 2, safety: 1 },
      ]);
      expect(record.durationMs).toBeGreaterThan(0);
    }
    expect(orders.every((texts) => texts.length === 3)).toBe(true);
  });

  test('a reload before the sign-in has finished signs in again', async () => {
    const { link } = await startWith();
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    // The answer never comes.
    await page.route('**/api/session', () => isAsked());
    await page.goto(link);
    await asked;
    await page.unroute('**/api/session');
    await page.reload();
    await page.locator('.card').first().waitFor();
    expect(page.url()).not.toContain('token');
  });

  test('a reload in the middle of an item keeps the draft, and undo takes it back', async () => {
    const { link } = await startWith();
    await open(link);
    const prompt = await promptText();
    await press(...'1234', 'Shift+C');
    await page.reload();
    await page.locator('.card').first().waitFor();
    expect(await promptText()).toBe(prompt);
    expect(await checkedScores()).toBe(4);
    expect(await page.locator('.best-mark').count()).toBe(1);
    await press('u', 'u');
    expect(await page.locator('.best-mark').count()).toBe(0);
    expect(await checkedScores()).toBe(3);
    // The next digit goes where the taken-back one went.
    await press('5');
    expect(await page.locator('#score-1-0 input:checked').getAttribute('value')).toBe('5');
  });

  test('an incomplete item is not submitted; the first gap is marked and takes the next digit', async () => {
    const { link, log } = await startWith();
    await open(link);
    await press(...'12', 'b', ...'345', 'c', ...'345', 't', 'Enter');
    expect(await page.locator('.scale.missing').count()).toBe(1);
    expect(await page.locator('#score-0-2').evaluate((element) => element.className)).toContain('active');
    expect(await log.read()).toEqual([]);
    await label('4', 't');
    expect(await recordsOf(log, 1)).toHaveLength(1);
  });

  test('a restart of the server keeps the session and the progress', async () => {
    const { link, url, workspace, log } = await startWith();
    await open(link);
    await label('555444333', 't');
    expect(await recordsOf(log, 1)).toHaveLength(1);
    await server?.close();
    await serve(await openWorkspace(workspace.dir), Number(new URL(url).port));
    await page.reload();
    await page.locator('.card').first().waitFor();
    expect(await page.locator('.top .progress').textContent()).toContain('1 of 3');
    await label('555444333', 't');
    expect(await recordsOf(log, 2)).toHaveLength(2);
  });

  test('a lost connection: work goes on, the state is shown, and everything arrives once', async () => {
    const { link, log } = await startWith();
    await open(link);
    // The two items after this one are held already.
    await page.waitForLoadState('networkidle');
    await context.setOffline(true);
    await label('555444333', 't');
    await label('111222333', 'Shift+A');
    await page.getByText(/Offline: 2 judgements kept here/).waitFor();
    expect(await log.read()).toEqual([]);
    await context.setOffline(false);
    await page.getByText('All saved').waitFor();
    const records = await recordsOf(log, 2);
    expect(new Set(records.map((record) => record.itemId)).size).toBe(2);
    expect(records).toHaveLength(2);
    expect(await page.locator('.top .progress').textContent()).toContain('2 of 3');
  });

  test('undo on a fresh item goes back, and the changed judgement replaces the first', async () => {
    const { link, log } = await startWith();
    await open(link);
    const prompt = await promptText();
    await label('555444333', 't');
    await press('u');
    await page.getByText('You are changing a judgement that you gave before.').waitFor();
    expect(await promptText()).toBe(prompt);
    await press('a', '1');
    await label('', 'Shift+B');
    const [first, second] = await recordsOf(log, 2);
    expect(second?.id).toBe(`${first?.id}-r2`);
    const byLetter = second?.presented.map((candidateId) => second.ratings[candidateId]);
    expect(byLetter?.[0]).toEqual({ instructionFollowing: 1, fluency: 5, safety: 5 });
  });

  test('two windows on one item make one judgement, and the second is told', async () => {
    const { link, url, log } = await startWith();
    await open(link);
    const first = page;
    page = await context.newPage();
    await open(url);
    expect(await promptText()).toBe(await first.locator('.conversation .text').textContent());
    await label('555444333', 't');
    expect(await recordsOf(log, 1)).toHaveLength(1);
    page = first;
    await label('111111111', 't');
    await page.getByText('That item was judged in another window before').waitFor();
    const records = await log.read();
    expect(records).toHaveLength(1);
    expect(records[0]?.ratings[records[0].presented[0] as CandidateId]?.fluency).toBe(5);
  });

  test('letters and digits can be switched off as keys', async () => {
    const { link } = await startWith();
    await open(link);
    // The help opens with its button in focus.
    await press('?', 'Enter');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await press('?');
    await page.getByLabel('Use letters and digits as keys').uncheck();
    await press('Escape', ...'123', 't', 's');
    expect(await checkedScores()).toBe(0);
    expect(await page.getByRole('dialog').count()).toBe(0);
    // Tab and the arrows of a radio group do the work instead.
    await press('Tab', 'Space', 'ArrowRight');
    expect(await page.locator('#score-0-0 input:checked').getAttribute('value')).toBe('2');
  });

  test('skipping asks for a reason and records it', async () => {
    const { link, log } = await startWith();
    await open(link);
    await press('s', '2', 'Enter');
    const [record] = await recordsOf(log, 1);
    expect(record?.comparison).toEqual({ kind: 'skip', reason: 'prompt-unclear' });
    expect(record?.ratings).toEqual({});
  });

  test('markup in prompts and replies is shown as text and never runs', async () => {
    const nasty = '<img src=x onerror="document.title=\'hacked\'"><script>document.title="hacked"</script>';
    const { link } = await startWith([
      { messages: [{ role: 'user', content: nasty }], replies: [nasty, '<b>bold</b>', ''] },
    ]);
    await open(link);
    expect(await promptText()).toBe(nasty);
    expect(await page.locator('.card .text').allInnerTexts()).toEqual(
      expect.arrayContaining([nasty, '<b>bold</b>', 'This reply is empty.']),
    );
    expect(await page.locator('.card img, .card b, .card script').count()).toBe(0);
    expect(await page.title()).toBe('fourfold');
  });

  test('without a token, or with a wrong one, it asks for one', async () => {
    const { url, token } = await startWith();
    await page.goto(url);
    await page.getByLabel('Personal token').check();
    await page.locator('#token').fill('ann-1:wrong');
    await press('Enter');
    await page.getByText(/This token is not known here/).waitFor();
    // The whole link may be pasted.
    await page.locator('#token').fill(`${url}/#token=${token}`);
    await press('Enter');
    await page.locator('.card').first().waitFor();
  });

  test('speaks Chinese where the browser does, and switches', async () => {
    await context.close();
    await openContext('zh-CN');
    const { link } = await startWith();
    await open(link);
    expect(await page.locator('#verdict legend').textContent()).toBe('哪条回复最好？');
    await page.locator('.account').click();
    await page.locator('select.language').selectOption('en');
    expect(await page.locator('#verdict legend').textContent()).toBe('Which reply is best?');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    await page.reload();
    await page.locator('.card').first().waitFor();
    expect(await page.locator('#verdict legend').textContent()).toBe('Which reply is best?');
  });

  test('has no serious accessibility issue, light or dark, wide or at 360 px', async () => {
    const { link, url } = await startWith();
    await page.goto(url);
    await page.getByLabel('Password').first().waitFor();
    await expectAccessible(page);
    await open(link);
    await press(...'123', 'Shift+A', 'Enter');
    await expectAccessible(page);
    await press('?');
    await page.getByRole('dialog').waitFor();
    expect(await seriousIssues(page)).toEqual([]);
    await press('Escape', 's');
    await page.getByRole('dialog').waitFor();
    expect(await seriousIssues(page)).toEqual([]);
  }, 60_000);
});
