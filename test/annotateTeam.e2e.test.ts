// A team at work in real browsers: an admin invites, a first-time annotator joins by the link, reads, qualifies, and
// labels by keyboard alone through a lost connection; every kind of task; no page with a serious accessibility issue.
import type { Browser, Page } from 'playwright-core';
import { type LabelingItem, loadLabelingSet } from '../annotate-ui/server/labeling/labelingSet.ts';
import { type RunningServer, startServer } from '../annotate-ui/server/server.ts';
import { labelingWorkspace, plainContent, type SetContent } from '../annotate-ui/server/testing/labelingWorkspace.ts';
import { defaultProject } from '../src/core/annotation/defaultProject.ts';
import { Project } from '../src/core/annotation/project.ts';
import type { Judgement } from '../src/core/records.ts';
import {
  type BrowserPage,
  expectAccessible,
  launchBrowser,
  openPage,
  press,
  quiet,
  withBrowser,
} from './browserPage.ts';

const GUIDELINES = '# What we want\n\nShort, **true** answers.\n\n- [an example](https://example.org/)\n';

withBrowser('a team at the labeling page', () => {
  let browser: Browser;
  let server: RunningServer | null = null;
  let pages: BrowserPage[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });
  afterEach(async () => {
    const problems = pages.flatMap((opened) => opened.problems);
    for (const { context } of pages) await context.close();
    pages = [];
    await server?.close();
    server = null;
    expect(problems).toEqual([]);
  });

  async function visitor(options: Parameters<typeof openPage>[1] = {}): Promise<BrowserPage> {
    const opened = await openPage(browser, options);
    pages.push(opened);
    return opened;
  }

  interface Team {
    settings?: (items: LabelingItem[]) => object;
    content?: SetContent[];
  }

  /** A served workspace with a project; 'ann-1' labels, 'lea' leads, 'root' administers. */
  async function team({ settings = () => ({}), content = plainContent(3) }: Team) {
    const made = await labelingWorkspace(content);
    const { workspace, set } = made;
    const { items } = await loadLabelingSet(workspace, set.id);
    const base = { ...defaultProject(set.id), id: 'project-1', title: 'Answers' };
    workspace.projects.save(Project.parse({ ...base, ...settings(items) }));
    const token = (id: string, role: 'lead' | 'admin') =>
      workspace.annotators.add({ id, name: id, simulated: false, role }).token;
    const tokens = { annotator: made.token, lead: token('lea', 'lead'), admin: token('root', 'admin') };
    server = await startServer({ workspace, port: 0 });
    const { url } = server;
    const linkOf = (who: keyof typeof tokens) => `${url}/#token=${tokens[who]}`;
    return { url, workspace, linkOf, log: workspace.judgements(set.id) };
  }

  const promptOn = (page: Page) => page.locator('.conversation .text').first().textContent();

  /** Presses the keys that label the item, and waits for what comes after it. */
  async function label(page: Page, ...keys: string[]): Promise<void> {
    const before = await promptOn(page);
    await press(page, ...keys, 'Enter');
    await page.waitForFunction(
      `document.querySelector('.notice') !== null || document.querySelector('.conversation .text')?.textContent !== ${JSON.stringify(before)}`,
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

  /** Tabs until the element has the focus. */
  async function tabTo(page: Page, selector: string): Promise<void> {
    for (let i = 0; i < 80; i++) {
      if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)})`)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`${selector} was not reached by Tab`);
  }

  /** The letter of the reply on the screen that contains the text. */
  const letterOf = (page: Page, text: string) =>
    page.locator('.card', { hasText: text }).first().getAttribute('data-key');

  test('a first-time annotator joins by link, reads, qualifies, and labels ten items by keyboard alone', async () => {
    // In the practice round the first reply of the first two items is known to be best.
    const known = (item: LabelingItem | undefined) => ({
      itemId: item?.id,
      best: item?.candidateIds[0],
      explanation: 'It is the **first**.',
    });
    const { url, linkOf, log } = await team({
      content: plainContent(12),
      settings: (items) => ({
        guidelines: GUIDELINES,
        overlap: 1,
        qualification: { items: items.slice(0, 2).map(known), passMark: 1, attempts: 2 },
      }),
    });

    const { page: admin } = await visitor();
    await admin.goto(linkOf('admin'));
    await admin.locator('.account').waitFor();
    await admin.goto(`${url}/#/admin/invitations`);
    await admin.getByRole('button', { name: 'Make a link' }).click();
    const link = await admin.locator('.copy input').inputValue();
    expect(link).toContain(`${url}/#invite=`);

    // From here on only keys.
    const annotator = await visitor();
    const { page, context } = annotator;
    await page.goto(link);
    await page.getByRole('heading', { name: 'Welcome to Answers' }).waitFor();
    await tabTo(page, '#own-name');
    await page.keyboard.type('Zoë Example');
    await tabTo(page, '#password');
    await page.keyboard.type('a long pass phrase');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Read this first' }).waitFor();
    expect(page.url()).not.toContain('invite');
    expect(await page.locator('.rich a').getAttribute('rel')).toBe('noopener noreferrer');
    await tabTo(page, 'main button.primary');
    await page.keyboard.press('Enter');

    // A wrong answer in the first attempt: it is told, and there is another.
    await page.getByRole('heading', { name: 'A short practice round' }).waitFor();
    for (const attempt of [1, 2]) {
      await page.keyboard.press('Enter');
      for (const item of [1, 2]) {
        await page.locator('.card').first().waitFor();
        const right = (await letterOf(page, 'The first answer')) ?? '';
        const isWrong = attempt === 1 && item === 1;
        await label(page, ...'555444333', isWrong ? 't' : `Shift+${right}`);
        await page.locator('.feedback').waitFor();
        expect(await page.locator('.feedback strong').textContent()).toBe('first');
        if (attempt === 1) expect(await page.locator('.notice h1').textContent()).toBe(isWrong ? '0 % right' : 'Right');
        else if (item === 2) expect(await page.locator('.notice h1').textContent()).toBe('Passed. Welcome!');
        await page.keyboard.press('Enter');
      }
      if (attempt === 1) await page.getByRole('heading', { name: 'Not yet' }).waitFor();
    }

    await page.locator('.card').first().waitFor();
    for (let i = 0; i < 4; i++) await label(page, ...'543215432', 'Shift+A');
    // The language, by keys.
    await tabTo(page, '.account');
    await press(page, 'Enter');
    await tabTo(page, 'select.language');
    await press(page, 'ArrowDown', 'Escape');
    await page.waitForFunction("document.documentElement.lang === 'zh'");
    expect(await page.locator('#verdict legend').textContent()).toBe('哪条回复最好？');
    await tabTo(page, '#card-0 input');
    await label(page, 'a', ...'543215432', 't');

    // Three items without a connection; a reload that finds no server; and then it is back.
    await quiet(annotator);
    await context.setOffline(true);
    for (let i = 0; i < 3; i++) await label(page, ...'111222333', 'Shift+B');
    await page.getByText('离线：3 条评判已留在本机').waitFor();
    expect(await log.read()).toHaveLength(5);
    await context.route('**/api/**', (route) => route.abort());
    await context.setOffline(false);
    await page.reload();
    await page.getByText('恢复后会自动继续').waitFor();
    await context.unroute('**/api/**');
    await page.locator('.card').first().waitFor();
    expect(await recordsOf(log, 8)).toHaveLength(8);
    for (let i = 0; i < 2; i++) await label(page, ...'543215432', 't');
    await page.getByRole('heading', { name: '全部完成' }).waitFor();

    const records = await recordsOf(log, 10);
    expect(records).toHaveLength(10);
    expect(new Set(records.map(({ itemId }) => itemId)).size).toBe(10);
    expect(new Set(records.map(({ submissionId }) => submissionId)).size).toBe(10);
  }, 60_000);

  test('two replies are compared by how much, improved, flagged and commented on, and undo takes it back', async () => {
    const content = [
      { messages: [{ role: 'user' as const, content: 'One?' }], replies: ['An answer', 'Another <b>answer</b>'] },
    ];
    const ask = { ratings: false, comparison: 'strength', correction: true, flags: true, comment: true, skip: true };
    const { linkOf, log } = await team({ content, settings: () => ({ ask, guidelines: '' }) });
    const { page } = await visitor();
    await page.goto(linkOf('annotator'));
    await page.locator('.card').first().waitFor();
    const second = await page.locator('.card').nth(1).locator('.text').textContent();
    // B one step, two steps; then the improved text of B, its flag, a comment.
    await press(page, 'Shift+B', 'Shift+B', 'b', 'i');
    await page.keyboard.type(' indeed');
    await press(page, 'Control+Enter', 'x', '2', 'Enter', 'm');
    await page.keyboard.type('hm');
    await press(page, 'Control+Enter');
    expect(await page.locator('.card').nth(1).locator('.mark').allInnerTexts()).toEqual(['improved', 'Nonsense']);
    // A reload keeps all of it; undo takes back the comment only.
    await page.reload();
    await page.locator('.card').first().waitFor();
    expect(await page.locator('#comment').inputValue()).toBe('hm');
    await press(page, 'u');
    expect(await page.locator('#comment').inputValue()).toBe('');
    await press(page, 'Enter');
    const [record] = await recordsOf(log, 1);
    const shown = record?.presented[1] ?? '';
    expect(record).toMatchObject({
      comparison: { kind: 'best', candidateId: shown },
      strength: 2,
      corrections: { [shown]: `${second} indeed` },
      flags: { [shown]: ['nonsense'] },
    });
    expect(record?.comment).toBeUndefined();
  });

  test('replies are ranked by keys and by drag, ties and all', async () => {
    const content = [1, 2].map((n) => ({
      messages: [{ role: 'user' as const, content: `Question ${n}?` }],
      replies: ['one', 'two', 'three', 'four'],
    }));
    const ask = { ratings: false, comparison: 'ranking', correction: false, flags: false, comment: false, skip: true };
    const { linkOf, log } = await team({ content, settings: () => ({ ask, guidelines: '' }) });
    const { page } = await visitor();
    await page.goto(linkOf('annotator'));
    await page.locator('.card').first().waitFor();
    // C first; then A, B; D level with B; A down by one.
    await label(page, 'Shift+C', 'Shift+A', 'Shift+B', 'Shift+D', 'd', 't', 'a', 'Shift+ArrowDown');
    const chip = (letter: string) => page.getByRole('button', { name: `Reply ${letter},` });
    // Each to the front of the others; then the first behind the last.
    for (const letter of ['B', 'A', 'D', 'C']) {
      await chip(letter).dragTo(page.locator('.ranked'), { targetPosition: { x: 4, y: 20 } });
    }
    await chip('C').dragTo(chip('B'), { targetPosition: { x: 40, y: 20 } });
    await press(page, 'Enter');
    const [first, second] = await recordsOf(log, 2);
    const letters = (record: Judgement | undefined) =>
      record?.ranking?.map((group) => group.map((id) => 'ABCD'[record.presented.indexOf(id)]).join('=')).join('>');
    expect(letters(first)).toBe('C>B>A>D');
    expect(letters(second)).toBe('D>A>B>C');
  });

  test('a lead sees the work, decides a dispute, and changes the settings', async () => {
    const { url, linkOf, workspace, log } = await team({
      content: plainContent(2),
      settings: () => ({ guidelines: '' }),
    });
    // Two who never agree.
    workspace.annotators.add({ id: 'bo', name: 'Bo', simulated: false, password: 'a long pass phrase' });
    const { page: ann } = await visitor();
    await ann.goto(linkOf('annotator'));
    const { page: bo } = await visitor({ locale: 'zh-CN' });
    await bo.goto(url);
    await bo.locator('#name').fill('bo');
    await bo.locator('#password').fill('a long pass phrase');
    await press(bo, 'Enter');
    for (const [page, text] of [
      [ann, 'The first answer'],
      [bo, 'The second answer'],
    ] as const) {
      await page.locator('.card').first().waitFor();
      for (let i = 0; i < 2; i++) await label(page, ...'555111333', `Shift+${await letterOf(page, text)}`);
      await page.locator('.notice h1').waitFor();
    }
    expect(await recordsOf(log, 4)).toHaveLength(4);

    const { page } = await visitor();
    await page.goto(linkOf('lead'));
    await page.locator('.account').waitFor();
    for (const view of ['overview', 'annotators', 'agreement', 'settings', 'data']) {
      await page.goto(`${url}/#/lead/${view}`);
      await page.locator('main h1').waitFor();
      await page.waitForLoadState('networkidle');
      if (view === 'overview' || view === 'agreement') await page.locator('canvas').first().waitFor();
      if (view === 'annotators') await page.getByRole('rowheader', { name: 'Ann' }).waitFor();
      await expectAccessible(page);
    }

    await page.goto(`${url}/#/lead/disputes`);
    await page.locator('.figures a').first().waitFor();
    await expectAccessible(page);
    await page.locator('.figures a').first().click();
    await page.locator('.decision').waitFor();
    expect(await page.locator('.figures tbody tr').count()).toBe(2);
    await expectAccessible(page);
    await page.locator('.decision .choices label', { hasText: 'Tie' }).click();
    await page.locator('.decision textarea').fill('Both will do.');
    await page.getByRole('button', { name: 'Keep this verdict' }).click();
    await page.getByText('Kept. It counts from now on.').waitFor();
    const records = await recordsOf(log, 5);
    expect(records.at(-1)).toMatchObject({
      comparison: { kind: 'tie' },
      comment: 'Both will do.',
      role: 'adjudication',
    });

    await page.goto(`${url}/#/lead/settings`);
    await page.locator('form input').first().fill('Answers, again');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.goto(`${url}/#/lead/overview`);
    await page.getByRole('heading', { name: 'Answers, again' }).waitFor();
  }, 60_000);

  test('no page has a serious accessibility issue, light or dark, wide or at 360 px', async () => {
    const { url, linkOf } = await team({
      content: plainContent(3),
      settings: (items) => ({
        guidelines: GUIDELINES,
        qualification: { items: [{ itemId: items[0]?.id, best: null }], passMark: 0, attempts: 1 },
      }),
    });
    const { page } = await visitor();
    await page.goto(linkOf('annotator'));
    await page.getByRole('heading', { name: 'Read this first' }).waitFor();
    await expectAccessible(page);
    await page.locator('main button.primary').click();
    await page.getByRole('heading', { name: 'A short practice round' }).waitFor();
    await expectAccessible(page);
    await press(page, 'Enter');
    await page.locator('.card').first().waitFor();
    await label(page, ...'555444333', 't');
    await page.locator('.feedback').waitFor();
    await expectAccessible(page);
    await press(page, 'Enter');
    await page.locator('.card').first().waitFor();
    await press(page, 'g');
    await page.locator('.guidelines').waitFor();
    await expectAccessible(page);

    const { page: admin } = await visitor();
    await admin.goto(linkOf('admin'));
    await admin.locator('.account').waitFor();
    for (const view of ['admin/people', 'admin/invitations', 'admin/audit']) {
      await admin.goto(`${url}/#/${view}`);
      await admin.locator('main h1').waitFor();
      await admin.waitForLoadState('networkidle');
      await expectAccessible(admin);
    }
  }, 60_000);
});
