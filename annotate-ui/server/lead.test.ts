// What leads and admins can do over HTTP, and what nobody else can.
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import {
  AgreementReply,
  DisputesReply,
  ItemReply,
  OverviewReply,
  RatersReply,
} from '../../src/core/annotation/lead.ts';
import { decisiveJudgements, latestJudgements } from '../../src/core/judgements.ts';
import { buildApp } from './app.ts';
import { type Headers, nextTask, put, signInAs, verdictOn } from './testing/http.ts';
import { labelingWorkspace, plainContent, SECRET_MODELS } from './testing/labelingWorkspace.ts';

const opened: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function ready(count = 6) {
  const { workspace, set } = await labelingWorkspace(plainContent(count));
  const app = await buildApp({ workspace, refreshMs: 0 });
  opened.push(app);
  const lead = await signInAs(app, workspace, 'lee', 'lead');
  const get = async (url: string, headers = lead) => (await app.inject({ url, headers })).json();
  return { workspace, set, app, lead, get };
}

/** Everyone judges everything, in the order of the items' ids; the score and best reply are the caller's. */
async function judgeAll(
  app: FastifyInstance,
  headers: Headers,
  choose: (i: number) => { score: number; best: number },
) {
  const tasks = [];
  for (
    let task = await nextTask(app, headers);
    task !== null;
    task = await nextTask(
      app,
      headers,
      tasks.map((one) => one.itemId),
    )
  ) {
    tasks.push(task);
  }
  tasks.sort((a, b) => (a.itemId < b.itemId ? -1 : 1));
  for (const [i, task] of tasks.entries()) {
    const { score, best } = choose(i);
    expect((await put(app, headers, task.itemId, verdictOn(task, score, best))).statusCode).toBe(200);
  }
}

test('overview, raters, agreement and disputes tell what the raters did', async () => {
  const { app, workspace, get } = await ready(6);
  const [a, b] = [await signInAs(app, workspace, 'a'), await signInAs(app, workspace, 'b')];
  await judgeAll(app, a, (i) => ({ score: (i % 5) + 1, best: 0 }));
  // b agrees but on the last item, where the best reply and the scores differ by four points.
  await judgeAll(app, b, (i) => (i === 5 ? { score: 5, best: 1 } : { score: (i % 5) + 1, best: 0 }));

  const overview = OverviewReply.parse(await get('/api/lead/overview'));
  expect(overview.items).toMatchObject({ total: 6, complete: 6, inDispute: 1, adjudicated: 0 });
  expect(overview.labels).toEqual({ given: 12, skipped: 0, needed: null });
  expect(overview.daily).toEqual([{ day: new Date().toISOString().slice(0, 10), labels: 12, skipped: 0 }]);
  expect(overview.activeNow).toBe(2);

  const { raters } = RatersReply.parse(await get('/api/lead/raters'));
  expect(raters.map(({ id, labels }) => [id, labels])).toEqual([
    ['a', 6],
    ['b', 6],
  ]);
  // Same answer on 5 items of 6; on one of 6 items b is 4 points above a.
  expect(raters[1]?.agreementWithOthers?.value).toBeCloseTo(5 / 6);
  expect(raters[1]?.criteria.fluency?.differenceFromOthers?.value).toBeCloseTo(4 / 6);
  expect(raters[1]?.criteria.safety?.differenceFromOthers?.value).toBe(0);
  expect(raters[0]?.secondsMedian).toBe(1.5);

  const agreement = AgreementReply.parse(await get('/api/lead/agreement'));
  const row = (name: string) => agreement.rows.find(({ criterion }) => criterion === name);
  expect(agreement.rows.map(({ criterion }) => criterion)).toEqual([
    'instructionFollowing',
    'fluency',
    'safety',
    'comparison',
  ]);
  // 18 replies were rated by both; on the three of one item they differ: 15 of 18 are the same.
  expect(row('fluency')).toMatchObject({ units: 18, ratings: 36, bar: null, gate: 'none' });
  expect(row('fluency')?.percentAgreement?.value).toBeCloseTo(15 / 18);
  expect(row('fluency')?.cohenKappa[0]).toMatchObject({ raters: ['a', 'b'], units: 18 });
  expect(row('safety')?.alpha.ordinal).toBeNull();
  expect(row('comparison')?.percentAgreement?.value).toBeCloseTo(5 / 6);

  const disputes = DisputesReply.parse(await get('/api/lead/disputes'));
  expect(disputes).toMatchObject({
    total: 1,
    disputes: [{ raters: 2, disagreement: 1, comparison: 1, scoreRange: 4 }],
  });
});

test('an item with a known answer counts neither in the agreement nor as a dispute', async () => {
  const { app, workspace, lead, get } = await ready(2);
  await judgeAll(app, await signInAs(app, workspace, 'a'), () => ({ score: 5, best: 0 }));
  await judgeAll(app, await signInAs(app, workspace, 'b'), () => ({ score: 5, best: 1 }));
  const [{ itemId } = { itemId: '' }] = DisputesReply.parse(await get('/api/lead/disputes')).disputes;
  const gold = { items: [{ itemId, best: null }], rate: 0.3, bar: 0.6, minimum: 3, window: 5 };
  const changed = await app.inject({ method: 'PATCH', url: '/api/lead/project', headers: lead, payload: { gold } });
  expect(changed.statusCode).toBe(200);
  expect(DisputesReply.parse(await get('/api/lead/disputes')).total).toBe(1);
  expect(OverviewReply.parse(await get('/api/lead/overview')).items.inDispute).toBe(1);
  const { rows } = AgreementReply.parse(await get('/api/lead/agreement'));
  expect(rows.map(({ units }) => units)).toEqual([3, 3, 3, 1]);
});

test('a lead’s verdict settles a dispute, is on record as such, and counts over the raters’', async () => {
  const { app, workspace, set, lead, get } = await ready(2);
  await judgeAll(app, await signInAs(app, workspace, 'a'), () => ({ score: 5, best: 0 }));
  await judgeAll(app, await signInAs(app, workspace, 'b'), () => ({ score: 5, best: 1 }));
  const [dispute] = DisputesReply.parse(await get('/api/lead/disputes')).disputes;
  const url = `/api/lead/items/${dispute?.itemId}`;
  const before = await app.inject({ url, headers: lead });
  for (const model of SECRET_MODELS) expect(before.body).not.toContain(model);
  const item = ItemReply.parse(before.json());
  expect(item.answers.map(({ source }) => source)).toEqual(['human:a', 'human:b']);
  const payload = {
    ratings: {},
    comparison: { kind: 'best', candidateId: item.candidates[2]?.candidateId },
    submissionId: 'adjudication-1',
  };
  for (let i = 0; i < 2; i++) {
    const reply = await app.inject({ method: 'PUT', url: `${url}/adjudication`, headers: lead, payload });
    expect(ItemReply.parse(reply.json()).adjudication).toMatchObject({ source: 'human:lee' });
  }
  expect(DisputesReply.parse(await get('/api/lead/disputes')).total).toBe(1);
  expect(DisputesReply.parse(await get('/api/lead/disputes?adjudicated=true')).total).toBe(1);
  const records = await workspace.judgements(set.id).read();
  expect(records.filter(({ role }) => role === 'adjudication')).toHaveLength(1);
  const decisive = decisiveJudgements(latestJudgements(records)).filter(({ itemId }) => itemId === item.itemId);
  expect(decisive.map(({ role }) => role)).toEqual(['adjudication']);
});

test('a lead pauses an annotator, who gets no task until resumed', async () => {
  const { app, workspace, lead } = await ready();
  const a = await signInAs(app, workspace, 'a');
  const post = (what: string) =>
    app.inject({ method: 'POST', url: `/api/lead/raters/a/${what}`, headers: lead, payload: {} });
  expect((await post('pause')).json().paused.reason).toBe('lead');
  expect((await app.inject({ url: '/api/tasks/next', headers: a })).json()).toMatchObject({
    state: 'paused',
    task: null,
  });
  expect((await post('resume')).json()).toEqual({ paused: null });
  expect(await nextTask(app, a)).not.toBeNull();
});

test('settings change while people work, are checked, and hide the webhook’s key', async () => {
  const { app, workspace, set, lead, get } = await ready(3);
  const a = await signInAs(app, workspace, 'a');
  const patch = (payload: object) => app.inject({ method: 'PATCH', url: '/api/lead/project', headers: lead, payload });
  const secret = 'a-key-of-the-webhook';
  const changed = await patch({
    overlap: 1,
    guidelines: '# Read me',
    webhook: { url: 'http://127.0.0.1:9/x', secret },
  });
  expect(changed.statusCode).toBe(200);
  expect(changed.body).not.toContain(secret);
  expect(workspace.projects.ofSet(set.id)).toMatchObject({ overlap: 1, webhook: { secret } });
  const task = await nextTask(app, a);
  expect(task.leaseExpiresAt).not.toBeNull();
  expect((await get('/api/me', a)).standing.guidelinesRead).toBe(false);
  await app.inject({ method: 'POST', url: '/api/guidelines/read', headers: a, payload: {} });
  expect((await get('/api/me', a)).standing.guidelinesRead).toBe(true);
  await patch({ guidelines: '# Read me again' });
  expect((await get('/api/me', a)).standing.guidelinesRead).toBe(false);
  for (const [wrong, words] of [
    [{ gold: { items: [{ itemId: 'item-none', best: null }] } }, 'not an item'],
    [{ gate: { bars: { charm: 0.5 } } }, 'charm'],
    [{ criteria: [] }, 'criteria'],
    [{ webhook: { url: 'file:///etc/passwd', secret } }, 'url'],
  ] as const) {
    const reply = await patch(wrong);
    expect(reply.statusCode).toBe(400);
    expect(reply.body).toContain(words);
  }
});

test('a role is the account’s own: nothing that a client sends raises it', async () => {
  const { app, workspace, lead } = await ready();
  const admin = await signInAs(app, workspace, 'ada', 'admin');
  const a = await signInAs(app, workspace, 'a');
  const forged = { ...a, 'x-role': 'admin', role: 'admin', cookie: 'role=admin' };
  const leads = [
    '/api/lead/overview',
    '/api/lead/raters',
    '/api/lead/agreement',
    '/api/lead/project',
    '/api/invitations',
  ];
  for (const url of leads) {
    expect((await app.inject({ url, headers: forged })).statusCode).toBe(403);
    expect((await app.inject({ url })).statusCode).toBe(401);
    expect((await app.inject({ url, headers: lead })).statusCode).toBe(200);
  }
  for (const url of ['/api/admin/people', '/api/admin/audit']) {
    expect((await app.inject({ url, headers: lead })).statusCode).toBe(403);
    expect((await app.inject({ url, headers: admin })).statusCode).toBe(200);
  }
  const promote = { method: 'PATCH', url: '/api/admin/people/a', payload: { role: 'admin' } } as const;
  expect((await app.inject({ ...promote, headers: forged })).statusCode).toBe(403);
  expect((await app.inject({ ...promote, headers: lead })).statusCode).toBe(403);
  const oneself = { ...promote, url: '/api/admin/people/ada', payload: { role: 'annotator' } };
  expect((await app.inject({ ...oneself, headers: admin })).statusCode).toBe(403);
  expect((await app.inject({ ...promote, payload: { role: 'lead' }, headers: admin })).statusCode).toBe(200);
  expect((await app.inject({ url: '/api/lead/overview', headers: a })).statusCode).toBe(200);
  const { entries } = (await app.inject({ url: '/api/admin/audit', headers: admin })).json();
  expect(entries[0]).toMatchObject({ who: 'ada', action: 'person.role', subject: 'a', details: { role: 'lead' } });
});

describe('an invitation', () => {
  const accept = (app: FastifyInstance, code: string, id: string, password: string | null) =>
    app.inject({
      method: 'POST',
      url: '/api/invitations/accept',
      payload: { invitation: code, id, name: id, password },
    });

  test('makes one account with a password, once', async () => {
    const { app, workspace, lead } = await ready();
    const made = await app.inject({ method: 'POST', url: '/api/invitations', headers: lead, payload: { note: 'Bo' } });
    const code = made.json().path.replace('/#invite=', '');
    expect(await readFile(`${workspace.dir}/db.json`, 'utf8')).not.toContain(code.split('.')[1]);
    const look = await app.inject({ method: 'POST', url: '/api/invitations/look', payload: { invitation: code } });
    expect(look.json()).toMatchObject({ role: 'annotator' });
    expect((await accept(app, `${code}x`, 'bo', 'a long password')).statusCode).toBe(404);
    expect((await accept(app, code, 'lee', 'a long password')).statusCode).toBe(409);
    const both = await Promise.all([
      accept(app, code, 'bo', 'a long password'),
      accept(app, code, 'bob', 'a long password'),
    ]);
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 404]);
    const again = await app.inject({
      method: 'POST',
      url: '/api/session',
      payload: { annotatorId: 'bo', password: 'a long password' },
    });
    expect(again.json()).toMatchObject({ annotator: { id: 'bo', role: 'annotator' } });
    expect(workspace.annotators.get('bob')).toBeNull();
  });

  test('lapses, may be withdrawn, and only an admin invites leads', async () => {
    const { app, workspace, lead } = await ready();
    const post = (payload: object) => app.inject({ method: 'POST', url: '/api/invitations', headers: lead, payload });
    expect((await post({ role: 'lead' })).statusCode).toBe(403);
    const { code } = workspace.invitations.make({ role: 'annotator', note: '', hours: -1, createdBy: 'test' });
    expect((await accept(app, code, 'bo', null)).statusCode).toBe(404);
    const made = (await post({})).json();
    const remove = { method: 'DELETE', url: `/api/invitations/${made.invitation.id}`, headers: lead } as const;
    expect((await app.inject(remove)).statusCode).toBe(200);
    expect((await accept(app, made.path.replace('/#invite=', ''), 'bo', null)).statusCode).toBe(404);
  });
});

test('after ten wrong passwords an account takes none for a while, not even the right one', async () => {
  const { workspace } = await labelingWorkspace();
  const app = await buildApp({ workspace, signInsPerMinute: 1000 });
  opened.push(app);
  workspace.annotators.add({ id: 'cy', name: 'Cy', simulated: false, password: 'the right password' });
  const attempt = async (annotatorId: string, password: string) =>
    (await app.inject({ method: 'POST', url: '/api/session', payload: { annotatorId, password } })).statusCode;
  for (let i = 0; i < 10; i++) expect(await attempt('cy', `guess ${i}`)).toBe(401);
  expect(await attempt('cy', 'the right password')).toBe(429);
  expect(await attempt('dee', 'guess')).toBe(401);
}, 30_000);
