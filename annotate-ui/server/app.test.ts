import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { JudgementRequest, Task } from '../../src/core/annotationApi.ts';
import { CandidateId } from '../../src/core/ids.ts';
import { openWorkspace, type Workspace } from '../../src/store/workspace.ts';
import { type AppOptions, buildApp } from './app.ts';
import { addCandidateSet, labelingWorkspace, plainContent, SECRET_MODELS } from './testing/labelingWorkspace.ts';

const opened: FastifyInstance[] = [];
async function appOn(workspace: Workspace, options: Omit<AppOptions, 'workspace'> = {}) {
  const app = await buildApp({ workspace, ...options });
  opened.push(app);
  return app;
}
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

async function signIn(app: FastifyInstance, token: string): Promise<{ authorization: string }> {
  const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { token } });
  expect(reply.statusCode).toBe(200);
  return { authorization: `Bearer ${reply.json().sessionToken}` };
}

async function ready(content = plainContent(3)) {
  const made = await labelingWorkspace(content);
  const app = await appOn(made.workspace);
  return { ...made, app, headers: await signIn(app, made.token) };
}

const signInAs = (app: FastifyInstance, workspace: Workspace, id: string) =>
  signIn(app, workspace.annotators.add({ id, name: id, simulated: false }).token);

type Headers = Record<string, string>;
async function nextTask(app: FastifyInstance, headers: Headers, exclude: string[] = []): Promise<Task> {
  const reply = await app.inject({ url: `/api/tasks/next?exclude=${exclude.join(',')}`, headers });
  expect(reply.statusCode).toBe(200);
  return reply.json().task;
}

function verdictOn(task: Task, score = 4): JudgementRequest {
  const scores = { instructionFollowing: score, fluency: score, safety: 5 };
  return {
    ratings: Object.fromEntries(task.candidates.map((candidate) => [candidate.candidateId, scores])),
    comparison: { kind: 'best', candidateId: CandidateId.parse(task.candidates[0]?.candidateId) },
    durationMs: 1500,
  };
}

const put = (app: FastifyInstance, headers: Headers, itemId: string, payload: object) =>
  app.inject({ method: 'PUT', url: `/api/tasks/${itemId}/judgement`, headers, payload });

describe('signing in', () => {
  test('a wrong token, a wrong secret and an unknown name are refused alike', async () => {
    const { app, token } = await ready();
    for (const wrong of ['nonsense', 'ann-1:wrong', `ann-2:${token.split(':')[1]}`]) {
      const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { token: wrong } });
      expect(reply.statusCode).toBe(401);
      expect(reply.json().error.code).toBe('not-signed-in');
      expect(reply.headers['set-cookie']).toBeUndefined();
    }
  });

  test('the cookie is out of reach of scripts and of other sites, and signs the page in', async () => {
    const { app, token, set } = await ready();
    const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { token } });
    expect(reply.headers['set-cookie']).toMatch(/^fourfold_session=[\w-]{43}; .*HttpOnly; SameSite=Strict/);
    const cookie = String(reply.headers['set-cookie']).split(';')[0] ?? '';
    const me = await app.inject({ url: '/api/me', headers: { cookie } });
    expect(me.json()).toEqual({
      annotator: { id: 'ann-1', name: 'Ann', simulated: false, role: 'annotator' },
      candidateSetId: set.id,
      projectId: `default-${set.id}`,
      standing: { guidelinesRead: true, qualification: null, paused: null },
    });
  });

  test('nothing of the work is told without a session, nor with a made-up one', async () => {
    const { app } = await ready();
    for (const url of ['/api/me', '/api/tasks/next', '/api/progress', '/api/criteria']) {
      expect((await app.inject({ url })).statusCode).toBe(401);
      expect((await app.inject({ url, headers: { authorization: 'Bearer made-up' } })).statusCode).toBe(401);
    }
    expect((await put(app, {}, 'item-1', {})).statusCode).toBe(401);
  });

  test('only a hash of the session is kept on disk', async () => {
    const { workspace, headers } = await ready();
    const file = await readFile(join(workspace.dir, 'sessions.json'), 'utf8');
    expect(file).toContain('"annotatorId": "ann-1"');
    expect(file).not.toContain(headers.authorization.slice('Bearer '.length));
  });

  test('signing out ends the session, and so does removing or renewing the annotator', async () => {
    const { app, workspace, token, headers } = await ready();
    const other = await signIn(app, token);
    expect((await app.inject({ method: 'DELETE', url: '/api/session', headers })).statusCode).toBe(200);
    expect((await app.inject({ url: '/api/me', headers })).statusCode).toBe(401);
    expect((await app.inject({ url: '/api/me', headers: other })).statusCode).toBe(200);
    workspace.annotators.remove('ann-1');
    expect((await app.inject({ url: '/api/me', headers: other })).statusCode).toBe(401);
    workspace.annotators.add({ id: 'ann-1', name: 'Another', simulated: false });
    expect((await app.inject({ url: '/api/me', headers: other })).statusCode).toBe(401);
  });

  test('sign-ins beyond the limit are turned away before their token is hashed', async () => {
    const { workspace } = await labelingWorkspace();
    const app = await appOn(workspace, { signInsPerMinute: 2 });
    const attempt = () => app.inject({ method: 'POST', url: '/api/session', payload: { token: 'ann-9:guess' } });
    expect([await attempt(), await attempt(), await attempt()].map((reply) => reply.statusCode)).toEqual([
      401, 401, 429,
    ]);
  });
});

describe('requests from elsewhere', () => {
  test('another site cannot use the cookie, and a foreign Host is refused', async () => {
    const { app, token } = await ready();
    const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { token } });
    const cookie = String(reply.headers['set-cookie']).split(';')[0] ?? '';
    const task = await nextTask(app, { cookie });
    const from = (headers: Headers) =>
      put(app, { cookie, host: 'localhost:4600', 'x-fourfold-request': '1', ...headers }, task.itemId, verdictOn(task));
    expect((await from({ origin: 'https://evil.example' })).statusCode).toBe(403);
    expect((await from({ origin: 'http://localhost:9999' })).statusCode).toBe(403);
    expect((await from({ 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    expect((await from({})).statusCode).toBe(403);
    expect((await from({ host: 'evil.example', origin: 'http://evil.example' })).statusCode).toBe(403);
    expect((await from({ origin: 'http://localhost:4600' })).statusCode).toBe(200);
    expect((await app.inject({ url: '/api/health', headers: { host: 'evil.example' } })).statusCode).toBe(403);
  });

  test('every reply carries a policy that lets no inline script run', async () => {
    const { app } = await ready();
    const policy = String((await app.inject({ url: '/api/health' })).headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('unsafe');
  });
});

describe('the next task', () => {
  test('shows prompt, lettered candidates and criteria, and nothing that tells the models', async () => {
    const { app, headers } = await ready();
    const reply = await app.inject({ url: '/api/tasks/next', headers });
    const { task, progress } = reply.json();
    expect(task.messages[0].content).toMatch(/^Question number \d\?$/);
    expect(task.candidates.map((candidate: { key: string }) => candidate.key)).toEqual(['A', 'B', 'C']);
    expect(task.criteria.map((card: { id: string }) => card.id)).toEqual(['instructionFollowing', 'fluency', 'safety']);
    expect(progress).toEqual({ done: 0, skipped: 0, total: 3, remaining: null });
    for (const secret of [...SECRET_MODELS, '91827364', '0.7654', 'seed', 'sampl', 'model', 'reasoning']) {
      expect(reply.body).not.toContain(secret);
    }
  });

  test('stays the same until it is judged, and excludes what the client holds', async () => {
    const { app, headers } = await ready();
    const first = await nextTask(app, headers);
    expect((await nextTask(app, headers)).itemId).toBe(first.itemId);
    const second = await nextTask(app, headers, [first.itemId]);
    expect(second.itemId).not.toBe(first.itemId);
    expect((await nextTask(app, headers)).itemId).toBe(first.itemId);
  });

  test('items and candidates come in an order of the annotator’s own', async () => {
    const { app, workspace, headers } = await ready(plainContent(12));
    const orders = new Set<string>();
    const presented = new Set<string>();
    for (const id of ['ann-2', 'ann-3', 'ann-4', 'ann-5']) {
      const theirs = await signIn(app, workspace.annotators.add({ id, name: id, simulated: false }).token);
      const seen: Task[] = [];
      for (let i = 0; i < 12; i++) {
        seen.push(
          await nextTask(
            app,
            theirs,
            seen.map((task) => task.itemId),
          ),
        );
      }
      expect(new Set(seen.map((task) => task.itemId)).size).toBe(12);
      orders.add(seen.map((task) => task.itemId).join());
      const item = seen.find((task) => task.promptId === 'prompt-1');
      presented.add(item?.candidates.map((candidate) => candidate.candidateId).join() ?? '');
    }
    expect(orders.size).toBe(4);
    // Six orders of three candidates, four annotators: more than one is certain for these fixed seeds.
    expect(presented.size).toBeGreaterThan(1);
    expect((await nextTask(app, headers)).itemId).toBeDefined();
  });

  test('a script in a reply leaves the server as text in JSON, and as nothing else', async () => {
    const script = '</script><script>alert(1)</script><img src=x onerror=alert(2)>';
    const { app, headers } = await ready([
      { messages: [{ role: 'user', content: script }], replies: [script, 'b', 'c'] },
    ]);
    const reply = await app.inject({ url: '/api/tasks/next', headers });
    expect(reply.headers['content-type']).toMatch(/^application\/json/);
    expect(reply.headers['x-content-type-options']).toBe('nosniff');
    expect(reply.json().task.candidates.map((candidate: { text: string }) => candidate.text)).toContain(script);
  });
});

describe('a judgement', () => {
  test('is on the disk, with the order in which it was seen, before the reply says so', async () => {
    const { app, headers, workspace, set } = await ready();
    const task = await nextTask(app, headers);
    const reply = await put(app, headers, task.itemId, verdictOn(task));
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ status: 'saved', progress: { done: 1, skipped: 0, total: 3 } });
    const records = await workspace.judgements(set.id).read();
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      id: reply.json().judgementId,
      itemId: task.itemId,
      promptId: task.promptId,
      source: { kind: 'human', annotatorId: 'ann-1', simulated: false },
      presented: task.candidates.map((candidate) => candidate.candidateId),
      comparison: { kind: 'best', candidateId: task.candidates[0]?.candidateId },
      durationMs: 1500,
    });
    expect((await nextTask(app, headers)).itemId).not.toBe(task.itemId);
  });

  test('sent twice is kept once; sent differently is a conflict unless it revises', async () => {
    const { app, headers, workspace, set } = await ready();
    const task = await nextTask(app, headers);
    const first = await put(app, headers, task.itemId, verdictOn(task));
    const again = await put(app, headers, task.itemId, { ...verdictOn(task), durationMs: 9 });
    expect(again.json()).toMatchObject({ judgementId: first.json().judgementId, status: 'unchanged' });
    const other = await put(app, headers, task.itemId, verdictOn(task, 2));
    expect(other.statusCode).toBe(409);
    expect(other.json().error.message).toContain('"revise": true');
    const revised = await put(app, headers, task.itemId, { ...verdictOn(task, 2), revise: true });
    expect(revised.json()).toMatchObject({ judgementId: `${first.json().judgementId}-r2`, status: 'saved' });
    expect(revised.json().progress.done).toBe(1);
    expect((await workspace.judgements(set.id).read()).map((record) => record.id)).toEqual([
      first.json().judgementId,
      `${first.json().judgementId}-r2`,
    ]);
  });

  test('two tabs at the same instant make one record', async () => {
    const { app, headers, workspace, set } = await ready();
    const task = await nextTask(app, headers);
    const same = await Promise.all([1, 2, 3, 4].map(() => put(app, headers, task.itemId, verdictOn(task))));
    expect(same.map((reply) => reply.statusCode)).toEqual([200, 200, 200, 200]);
    const next = await nextTask(app, headers);
    const differing = await Promise.all([2, 3].map((score) => put(app, headers, next.itemId, verdictOn(next, score))));
    expect(differing.map((reply) => reply.statusCode).sort()).toEqual([200, 409]);
    expect(await workspace.judgements(set.id).read()).toHaveLength(2);
  });

  test('of many annotators at once: each is confirmed, each is on the disk, each once', async () => {
    const { app, workspace, set } = await ready(plainContent(8));
    const everyone = await Promise.all(['a', 'b', 'c', 'd'].map((id) => signInAs(app, workspace, id)));
    const replies = await Promise.all(
      everyone.map(async (headers) => {
        const tasks: Task[] = [];
        for (let i = 0; i < 8; i++)
          tasks.push(
            await nextTask(
              app,
              headers,
              tasks.map((task) => task.itemId),
            ),
          );
        return Promise.all(tasks.map((task) => put(app, headers, task.itemId, verdictOn(task))));
      }),
    );
    const confirmed = replies.flat().map((reply) => reply.json().judgementId);
    const written = (await workspace.judgements(set.id).read()).map((record) => record.id);
    // Four annotators, eight items.
    expect(new Set(confirmed).size).toBe(32);
    expect(written.sort()).toEqual(confirmed.sort());
  });

  test('may be a skip, which counts as done and holds no ratings', async () => {
    const { app, headers, workspace, set } = await ready();
    const task = await nextTask(app, headers);
    const skip = { ratings: {}, comparison: { kind: 'skip', reason: 'cannot judge' }, durationMs: null };
    expect((await put(app, headers, task.itemId, { ...skip, ratings: verdictOn(task).ratings })).statusCode).toBe(400);
    const reply = await put(app, headers, task.itemId, skip);
    expect(reply.json().progress).toEqual({ done: 1, skipped: 1, total: 3, remaining: null });
    expect((await nextTask(app, headers)).itemId).not.toBe(task.itemId);
    const revised = await put(app, headers, task.itemId, { ...verdictOn(task), revise: true });
    expect(revised.json().progress).toEqual({ done: 1, skipped: 0, total: 3, remaining: null });
    expect(await workspace.judgements(set.id).read()).toHaveLength(2);
  });

  test('of a simulated rater says so', async () => {
    const { app, workspace, set } = await ready();
    const { token } = workspace.annotators.add({ id: 'sim-1', name: 'Rater', simulated: true });
    const headers = await signIn(app, token);
    const task = await nextTask(app, headers);
    await put(app, headers, task.itemId, { ...verdictOn(task), comparison: { kind: 'tie' } });
    expect((await workspace.judgements(set.id).read())[0]?.source).toEqual({
      kind: 'human',
      annotatorId: 'sim-1',
      simulated: true,
    });
  });

  test('that is malformed or incomplete is refused, with what was wrong, and nothing is written', async () => {
    const { app, headers, workspace, set } = await ready();
    const task = await nextTask(app, headers);
    const good = verdictOn(task);
    const id = task.candidates[0]?.candidateId ?? '';
    const rated = (scores: object) => ({ ...good, ratings: { ...good.ratings, [id]: scores } });
    const cases: [object, string][] = [
      [rated({ instructionFollowing: 6, fluency: 3, safety: 3 }), 'instructionFollowing'],
      [rated({ instructionFollowing: 2.5, fluency: 3, safety: 3 }), 'instructionFollowing'],
      [rated({ instructionFollowing: 2 }), `${id} lacks fluency, safety`],
      [rated({ instructionFollowing: 2, fluency: 3, safety: 3, charm: 5 }), 'got charm'],
      [{ ...good, ratings: { ...good.ratings, 'c-other': { fluency: 1 } } }, 'c-other is not a candidate'],
      [{ ...good, comparison: { kind: 'best', candidateId: 'c-other' } }, 'c-other is not a candidate'],
      [{ ...good, comparison: { kind: 'missing', reason: 'x' } }, 'comparison'],
      [{ ...good, simulated: true }, 'simulated'],
      [{ ...good, durationMs: -1 }, 'durationMs'],
    ];
    for (const [body, message] of cases) {
      const reply = await put(app, headers, task.itemId, body);
      expect(reply.statusCode).toBe(400);
      expect(reply.json().error.message).toContain(message);
    }
    const text = { ...headers, 'content-type': 'text/plain' };
    expect(
      (await app.inject({ method: 'PUT', url: `/api/tasks/${task.itemId}/judgement`, headers: text, payload: '{}' }))
        .statusCode,
    ).toBe(415);
    const torn = { ...headers, 'content-type': 'application/json' };
    expect(
      (await app.inject({ method: 'PUT', url: `/api/tasks/${task.itemId}/judgement`, headers: torn, payload: '{"a":' }))
        .statusCode,
    ).toBe(400);
    expect(await workspace.judgements(set.id).read()).toEqual([]);
  });

  test('of an item that is not in this set, or of a path outside, finds nothing', async () => {
    const { app, headers, workspace } = await ready();
    const other = await addCandidateSet(workspace, plainContent(1));
    const otherApp = await appOn(workspace, { candidateSetId: other.id });
    const foreign = await nextTask(otherApp, await signInAs(otherApp, workspace, 'ann-2'));
    expect((await put(app, headers, foreign.itemId, verdictOn(foreign))).statusCode).toBe(404);
    expect((await put(app, headers, '..%2f..%2fdb.json', verdictOn(foreign))).statusCode).toBe(400);
    expect((await app.inject({ url: '/..%2f..%2fpackage.json', headers })).statusCode).toBe(404);
    expect((await app.inject({ url: '/api/nothing', headers })).json().error.code).toBe('not-found');
  });

  test('that could not be written is not confirmed, and can be sent again', async () => {
    const { app, headers, workspace, set } = await ready();
    const task = await nextTask(app, headers);
    // A folder where the log should be.
    const folder = join(workspace.dir, 'judgements', `${set.id}.jsonl`);
    await mkdir(folder, { recursive: true });
    const refused = await put(app, headers, task.itemId, verdictOn(task));
    expect(refused.statusCode).toBe(507);
    expect(refused.json().error.code).toBe('storage-failed');
    expect((await nextTask(app, headers)).itemId).toBe(task.itemId);
    await rm(folder, { recursive: true });
    expect((await put(app, headers, task.itemId, verdictOn(task))).json().status).toBe('saved');
    expect(await workspace.judgements(set.id).read()).toHaveLength(1);
  });

  test('of a body beyond the limit is cut off', async () => {
    const { app, headers } = await ready();
    const task = await nextTask(app, headers);
    const reply = await put(app, headers, task.itemId, { ...verdictOn(task), padding: 'x'.repeat(300_000) });
    expect(reply.statusCode).toBe(413);
    expect(reply.json().error.code).toBe('too-long');
  });
});

describe('a restart', () => {
  test('keeps sessions, judgements and the order of what is left', async () => {
    const { app, headers, workspace } = await ready(plainContent(5));
    const first = await nextTask(app, headers);
    const second = await nextTask(app, headers, [first.itemId]);
    await put(app, headers, first.itemId, verdictOn(first, 2));
    await put(app, headers, first.itemId, { ...verdictOn(first), revise: true });
    await app.close();

    const restarted = await appOn(await openWorkspace(workspace.dir));
    expect((await restarted.inject({ url: '/api/progress', headers })).json().annotators).toEqual([
      { annotatorId: 'ann-1', done: 1, skipped: 0, total: 5, remaining: null },
    ]);
    const resumed = await nextTask(restarted, headers);
    expect(resumed).toEqual(second);
    expect((await put(restarted, headers, first.itemId, verdictOn(first))).json().status).toBe('unchanged');
    const third = await put(restarted, headers, first.itemId, { ...verdictOn(first, 1), revise: true });
    expect(third.json().judgementId).toMatch(/-r3$/);
  });

  test('with everything judged there is no task left', async () => {
    const { app, headers } = await ready(plainContent(1));
    const task = await nextTask(app, headers);
    await put(app, headers, task.itemId, verdictOn(task));
    expect((await app.inject({ url: '/api/tasks/next', headers })).json()).toMatchObject({
      state: 'done',
      task: null,
      progress: { done: 1, skipped: 0, total: 1, remaining: null },
    });
  });
});

describe('opening', () => {
  test('takes the newest set, or says what is missing', async () => {
    const { workspace } = await labelingWorkspace();
    const newest = await addCandidateSet(workspace, plainContent(1));
    const app = await appOn(workspace);
    const { token } = workspace.annotators.add({ id: 'ann-2', name: 'Bo', simulated: false });
    const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { token } });
    expect(reply.json().candidateSetId).toBe(newest.id);
    await expect(buildApp({ workspace, candidateSetId: 'candidate-set-9' })).rejects.toThrow('unknown id');
    const empty = await openWorkspace(await mkdtemp(join(tmpdir(), 'fourfold-labeling-')));
    await expect(buildApp({ workspace: empty })).rejects.toThrow('fourfold candidates');
  });

  test('names the line of a set that is broken', async () => {
    const { workspace, set } = await labelingWorkspace();
    const path = join(workspace.artifacts.dir(set), 'candidates.jsonl');
    const lines = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, [lines[0], '{"id": 7}', ...lines.slice(2)].join('\n'));
    await expect(buildApp({ workspace })).rejects.toThrow('candidates.jsonl, line 2');
  });

  test('background jobs run while the application does', async () => {
    const { workspace } = await labelingWorkspace();
    const events: string[] = [];
    const job = (name: string) => ({
      name,
      start: () => void events.push(`start ${name}`),
      stop: async () => void events.push(`stop ${name}`),
    });
    const app = await buildApp({ workspace, jobs: [job('a'), job('b')] });
    await app.ready();
    await app.close();
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  test('where the page is not built, says how to build it, and the interface works', async () => {
    const { workspace } = await labelingWorkspace();
    const app = await appOn(workspace, { webRoot: join(workspace.dir, 'nowhere') });
    const reply = await app.inject({ url: '/' });
    expect(reply.statusCode).toBe(503);
    expect(reply.body).toContain('npm run build:web');
    expect((await app.inject({ url: '/api/health' })).json()).toEqual({ status: 'ok' });
  });
});
