import { rm } from 'node:fs/promises';
import { defaultProject } from '../../../src/core/annotation/defaultProject.ts';
import { Project } from '../../../src/core/annotation/project.ts';
import type { ParsedJudgement } from '../../../src/core/annotationApi.ts';
import { AnnotatorId, type ItemId, ProjectId } from '../../../src/core/ids.ts';
import { openWorkspace, type Workspace } from '../../../src/store/workspace.ts';
import { labelingWorkspace, plainContent } from '../testing/labelingWorkspace.ts';
import type { LabelingDesk, Worker } from './desk.ts';
import type { LabelingItem } from './labelingSet.ts';
import { openDesk } from './openDesk.ts';

const NONE: ReadonlySet<string> = new Set();
const MINUTE = 60_000;
const worker = (name: string): Worker => ({ id: AnnotatorId.parse(name), simulated: false });

const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

/** A desk over `count` items with a clock that the test moves. */
async function deskWith(count: number, settings: (items: ItemId[]) => Record<string, unknown>) {
  const { workspace, set } = await labelingWorkspace(plainContent(count));
  dirs.push(workspace.dir);
  const bare = await openDesk(workspace, { candidateSetId: set.id });
  const items = bare.set.items.map(({ id }) => id);
  const project = Project.parse({
    ...defaultProject(set.id),
    id: ProjectId.parse('p-1'),
    leaseMinutes: 30,
    ...settings(items),
  });
  workspace.projects.save(project);
  const time = { now: Date.parse('2030-01-01T00:00:00Z') };
  const open = (on: Workspace = workspace) => openDesk(on, { candidateSetId: set.id, clock: () => time.now });
  return { workspace, set, items, time, open, desk: await open() };
}

function answer(
  item: LabelingItem,
  { score = 4, best = 0, ...rest }: Partial<ParsedJudgement> & Record<string, unknown> = {},
) {
  const scores = { instructionFollowing: score, fluency: score, safety: 5 };
  return {
    ratings: Object.fromEntries(item.candidateIds.map((id) => [id, scores])),
    comparison: { kind: 'best', candidateId: item.candidateIds[best as number] },
    durationMs: 1000,
    revise: false,
    ...rest,
  } as ParsedJudgement;
}

async function take(desk: LabelingDesk, who: Worker, exclude = NONE): Promise<LabelingItem> {
  const given = await desk.next(who, exclude);
  if (given.state !== 'task') throw new Error(`expected a task, got ${given.state}`);
  return given.item;
}

test('each item goes to exactly K annotators, never twice to one, and then to nobody', async () => {
  const { desk, workspace, set } = await deskWith(10, () => ({ overlap: 3 }));
  const people = ['a', 'b', 'c', 'd', 'e'].map(worker);
  let isBusy = true;
  while (isBusy) {
    isBusy = false;
    // All ask before anyone answers.
    const given = await Promise.all(people.map((who) => desk.next(who, NONE)));
    for (const [i, one] of given.entries()) {
      if (one.state !== 'task') continue;
      isBusy = true;
      await desk.submit(people[i] as Worker, one.item.id, answer(one.item));
    }
  }
  const records = await workspace.judgements(set.id).read();
  expect(records).toHaveLength(30);
  const raters = new Map<string, string[]>();
  for (const { itemId, source } of records) {
    raters.set(itemId, [...(raters.get(itemId) ?? []), source.kind === 'human' ? source.annotatorId : '']);
  }
  expect(raters.size).toBe(10);
  for (const found of raters.values()) expect(new Set(found).size).toBe(3);
  expect(desk.queue).toMatchObject({ remaining: 0, complete: 10, started: 0 });
  expect(await desk.next(worker('f'), NONE)).toEqual({ state: 'done' });
});

test('an item on lease waits for its annotator, and comes back when the lease runs out', async () => {
  const { desk, time } = await deskWith(1, () => ({ overlap: 1 }));
  const item = await take(desk, worker('a'));
  expect(await desk.next(worker('b'), NONE)).toEqual({ state: 'wait' });
  time.now += 29 * MINUTE;
  expect(await desk.next(worker('b'), NONE)).toEqual({ state: 'wait' });
  time.now += 2 * MINUTE;
  expect((await take(desk, worker('b'))).id).toBe(item.id);
  await desk.submit(worker('b'), item.id, answer(item));
  // What a had done meanwhile is kept, and says that it came late.
  await desk.submit(worker('a'), item.id, answer(item, { score: 2 }));
  const [, late] = desk.book.ofItem(item.id);
  expect(late && desk.book.judgementOf(late)).toMatchObject({ late: true });
});

test('asking for more renews what the client holds, and a draft does too', async () => {
  const { desk, time } = await deskWith(2, () => ({ overlap: 1 }));
  const first = await take(desk, worker('a'));
  time.now += 20 * MINUTE;
  const second = await take(desk, worker('a'), new Set([first.id]));
  time.now += 20 * MINUTE;
  expect(await desk.next(worker('b'), NONE)).toEqual({ state: 'wait' });
  await desk.saveDraft(worker('a').id, second.id, { note: 'half done' });
  time.now += 20 * MINUTE;
  expect((await take(desk, worker('b'))).id).toBe(first.id);
  expect(await desk.next(worker('c'), NONE)).toEqual({ state: 'wait' });
});

test('another person’s item is refused, and so is one that does not exist', async () => {
  const { desk } = await deskWith(2, () => ({ overlap: 1 }));
  const item = await take(desk, worker('a'));
  await expect(desk.submit(worker('b'), item.id, answer(item))).rejects.toMatchObject({ code: 'not-allowed' });
  expect(() => desk.ownItem(worker('b').id, item.id)).toThrow('not with you');
  await expect(desk.saveDraft(worker('b').id, item.id, {})).rejects.toMatchObject({ code: 'not-allowed' });
  await expect(desk.submit(worker('a'), 'item-none', answer(item))).rejects.toMatchObject({ code: 'not-found' });
});

test('leases and drafts outlive a server that was killed, and a judged item is given to nobody again', async () => {
  const { desk, open, workspace } = await deskWith(3, () => ({ overlap: 1 }));
  const judged = await take(desk, worker('a'));
  await desk.submit(worker('a'), judged.id, answer(judged));
  const held = await take(desk, worker('a'));
  await desk.saveDraft(worker('a').id, held.id, { scores: [1, 2] });
  const others = await take(desk, worker('b'));
  // Nothing is closed: the files are as a kill would leave them.
  const again = await open(await openWorkspace(workspace.dir));
  expect((await take(again, worker('a'))).id).toBe(held.id);
  expect(again.holdings.get(worker('a').id, held.id)?.draft).toEqual({ scores: [1, 2] });
  expect((await take(again, worker('b'))).id).toBe(others.id);
  expect(await again.next(worker('c'), NONE)).toEqual({ state: 'wait' });
});

test('a submission sent again is one record, before and after a restart, even after a later revision', async () => {
  const { desk, open, workspace, set } = await deskWith(1, () => ({ overlap: 1 }));
  const item = await take(desk, worker('a'));
  const first = answer(item, { submissionId: 'submission-1' });
  const saved = await desk.submit(worker('a'), item.id, first);
  await desk.submit(worker('a'), item.id, answer(item, { score: 1, revise: true, submissionId: 'submission-2' }));
  expect(await desk.submit(worker('a'), item.id, first)).toEqual({ ...saved, status: 'unchanged' });
  const again = await open(await openWorkspace(workspace.dir));
  expect(await again.submit(worker('a'), item.id, first)).toEqual({ ...saved, status: 'unchanged' });
  expect(await workspace.judgements(set.id).read()).toHaveLength(2);
});

test('a submission id that a client uses for another item loses no answer', async () => {
  const { desk, workspace, set } = await deskWith(2, () => ({ overlap: 1 }));
  for (const _ of [1, 2]) {
    const item = await take(desk, worker('a'));
    const said = await desk.submit(worker('a'), item.id, answer(item, { submissionId: 'submission-1' }));
    expect(said.status).toBe('saved');
  }
  const records = await workspace.judgements(set.id).read();
  expect(new Set(records.map(({ itemId }) => itemId)).size).toBe(2);
});

test('undo takes a judgement back and gives the item to the same person again', async () => {
  const { desk, open, workspace } = await deskWith(1, () => ({ overlap: 1 }));
  const item = await take(desk, worker('a'));
  const first = answer(item, { submissionId: 'submission-1' });
  await desk.submit(worker('a'), item.id, first);
  expect(desk.queue.remaining).toBe(0);
  const before = await desk.undo(worker('a'), item.id);
  expect(before?.ratings).toEqual(first.ratings);
  expect(desk.queue.remaining).toBe(1);
  expect(desk.book.counts(worker('a').id)).toEqual({ done: 0, skipped: 0 });
  expect(await desk.next(worker('b'), NONE)).toEqual({ state: 'wait' });
  // The first submission stays taken back, however late it is sent again.
  expect(await desk.submit(worker('a'), item.id, first)).toMatchObject({ status: 'unchanged' });
  expect(desk.queue.remaining).toBe(1);
  const again = await open(await openWorkspace(workspace.dir));
  expect((await take(again, worker('a'))).id).toBe(item.id);
  expect(await again.submit(worker('a'), item.id, answer(item, { score: 2 }))).toMatchObject({ status: 'saved' });
  await expect(again.undo(worker('b'), item.id)).rejects.toMatchObject({ code: 'not-found' });
});

test('what is under way and in dispute comes first', async () => {
  const { desk } = await deskWith(6, () => ({ overlap: 3 }));
  const [a, b] = [worker('a'), worker('b')];
  const first = await take(desk, a);
  await desk.submit(a, first.id, answer(first));
  const second = await take(desk, a);
  expect(second.id).not.toBe(first.id);
  await desk.submit(a, second.id, answer(second));
  // b is led to what a has begun, in its order.
  expect((await take(desk, b)).id).toBe(first.id);
  await desk.submit(b, first.id, answer(first));
  expect((await take(desk, b)).id).toBe(second.id);
  await desk.submit(b, second.id, answer(second, { best: 1, score: 1 }));
  // Both want a third rater; the one in dispute is first.
  expect((await take(desk, worker('c'))).id).toBe(second.id);
});

test('an item that three could not judge is asked of nobody else', async () => {
  const { desk } = await deskWith(1, () => ({ overlap: 2 }));
  for (const name of ['a', 'b', 'c']) {
    const item = await take(desk, worker(name));
    const skip = { ratings: {}, comparison: { kind: 'skip', reason: null }, durationMs: null, revise: false };
    await desk.submit(worker(name), item.id, skip as ParsedJudgement);
  }
  expect(await desk.next(worker('d'), NONE)).toEqual({ state: 'done' });
});

describe('the qualification round', () => {
  const round = (items: ItemId[]) => ({
    overlap: 1,
    qualification: {
      items: items.slice(0, 2).map((itemId) => ({ itemId, best: null, explanation: 'Both are alike.' })),
      passMark: 1,
      attempts: 2,
    },
  });
  const tie = (item: LabelingItem) => answer(item, { comparison: { kind: 'tie' } });

  test('comes before work, tells what was right, and is no label', async () => {
    const { desk, workspace, set, open } = await deskWith(3, round);
    const who = worker('a');
    const first = await take(desk, who);
    const wrong = await desk.submit(who, first.id, answer(first));
    expect(wrong.feedback).toMatchObject({ score: 0, expected: { best: null }, explanation: 'Both are alike.' });
    const work = desk.set.items.find(({ id }) => !desk.isQualificationItem(id)) as LabelingItem;
    await expect(desk.submit(who, work.id, answer(work))).rejects.toMatchObject({ code: 'not-allowed' });
    const second = await take(desk, who);
    await desk.submit(who, second.id, tie(second));
    expect(desk.standing(who.id).qualification).toMatchObject({ state: 'open', attempt: 2, score: 0.5 });
    for (let i = 0; i < 2; i++) {
      const item = await take(desk, who);
      await desk.submit(who, item.id, tie(item));
    }
    expect(desk.standing(who.id).qualification).toMatchObject({ state: 'passed', score: 1 });
    expect((await take(desk, who)).id).toBe(work.id);
    expect(await workspace.judgements(set.id).read()).toEqual([]);
    expect((await open()).standing(who.id).qualification).toMatchObject({ state: 'passed' });
  });

  test('failed for good, no task comes until a lead lets the person try again', async () => {
    const { desk } = await deskWith(3, round);
    const who = worker('a');
    for (let i = 0; i < 4; i++) {
      const item = await take(desk, who);
      await desk.submit(who, item.id, answer(item));
    }
    expect(await desk.next(who, NONE)).toEqual({ state: 'not-qualified' });
    await desk.members.append({ kind: 'resume', annotatorId: who.id, at: new Date().toISOString(), by: 'lead' });
    expect(await desk.next(who, NONE)).toMatchObject({ state: 'task', round: 'qualification' });
  });
});

test('gold items are hidden among the others, and who falls below the bar is paused', async () => {
  const { desk } = await deskWith(40, (items) => ({
    overlap: 1,
    gold: {
      items: items.slice(0, 8).map((itemId) => ({ itemId, best: null })),
      rate: 0.3,
      bar: 0.6,
      minimum: 3,
      window: 5,
    },
  }));
  const [good, bad] = [worker('good'), worker('bad')];
  let goldSeen = 0;
  for (let i = 0; i < 20; i++) {
    const item = await take(desk, good);
    if (desk.gold.has(item.id)) goldSeen++;
    await desk.submit(good, item.id, answer(item, { comparison: { kind: 'tie' } }));
  }
  // 20 tasks at a rate of 0.3: 6 expected, standard deviation 2.
  expect(goldSeen).toBeGreaterThanOrEqual(2);
  expect(goldSeen).toBeLessThanOrEqual(8);
  expect(desk.gold.scores(good.id)).toEqual(Array.from({ length: goldSeen }, () => 1));
  let given = await desk.next(bad, NONE);
  for (let i = 0; i < 30 && given.state === 'task'; i++) {
    await desk.submit(bad, given.item.id, answer(given.item));
    given = await desk.next(bad, NONE);
  }
  expect(given).toEqual({ state: 'paused' });
  expect(desk.gold.scores(bad.id)).toEqual([0, 0, 0]);
  expect(desk.standing(bad.id).paused).toMatchObject({ reason: 'gold' });
  await desk.members.append({ kind: 'resume', annotatorId: bad.id, at: '2031-01-01T00:00:00.000Z', by: 'lead' });
  expect(await desk.next(bad, NONE)).toMatchObject({ state: 'task' });
});
