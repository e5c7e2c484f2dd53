// What the server refuses, and how it hands out files: requests as an attacker or a mistaken client would make them.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { readJsonl, toJsonl } from '../../src/core/jsonl.ts';
import { Candidate } from '../../src/core/records.ts';
import { buildApp } from './app.ts';
import { startServer } from './server.ts';
import { nextTask, put, signIn, signInAs, verdictOn } from './testing/http.ts';
import { labelingWorkspace, plainContent } from './testing/labelingWorkspace.ts';
import { signatureOf } from './webhook.ts';

const closing: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function ready(count = 3) {
  const made = await labelingWorkspace(plainContent(count));
  const app = await buildApp({ workspace: made.workspace });
  closing.push(() => app.close());
  return { ...made, app, headers: await signIn(app, made.token) };
}

test('a body of 50 MB is cut off, on every route that takes one', async () => {
  const { workspace, token } = await labelingWorkspace();
  const server = await startServer({ workspace, port: 0 });
  closing.push(() => server.close());
  const { token: leadToken } = workspace.annotators.add({ id: 'lee', name: 'Lee', simulated: false, role: 'lead' });
  const session = async (own: string) => {
    const body = JSON.stringify({ token: own });
    const reply = await fetch(`${server.url}/api/session`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    return ((await reply.json()) as { sessionToken: string }).sessionToken;
  };
  const [annotator, lead] = [await session(token), await session(leadToken)];
  const body = JSON.stringify({ token: 'x'.repeat(50 * 2 ** 20) });
  for (const [method, path, bearer] of [
    ['POST', '/api/session', null],
    ['POST', '/api/invitations/accept', null],
    ['PUT', '/api/tasks/item-1/judgement', annotator],
    ['PUT', '/api/tasks/item-1/draft', annotator],
    ['PATCH', '/api/lead/project', lead],
  ] as const) {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (bearer !== null) headers.authorization = `Bearer ${bearer}`;
    // The server may close the connection before it has read everything; either way nothing is taken.
    const status = await fetch(`${server.url}${path}`, { method, body, headers }).then(
      (reply) => reply.status,
      () => 413,
    );
    expect([path, status]).toEqual([path, 413]);
  }
  expect((await fetch(`${server.url}/api/health`)).status).toBe(200);
});

test('a path outside of what is served is not found', async () => {
  const { app, headers } = await ready();
  for (const url of [
    '/../package.json',
    '/..%2fpackage.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/assets/../../../package.json',
    '/api/audio/..%2f..%2fdb.json',
    '/api/audio/%2fetc%2fpasswd',
    '/db.json',
  ]) {
    const reply = await app.inject({ url, headers });
    expect([400, 403, 404]).toContain(reply.statusCode);
    expect(reply.body).not.toContain('tokenHash');
    expect(reply.body).not.toContain('root:');
  }
});

test('an item that is with someone else can be neither read nor judged', async () => {
  const { app, workspace, headers } = await ready();
  const lead = await signInAs(app, workspace, 'lee', 'lead');
  await app.inject({ method: 'PATCH', url: '/api/lead/project', headers: lead, payload: { overlap: 1 } });
  const task = await nextTask(app, headers);
  const other = await signInAs(app, workspace, 'bo');
  expect((await put(app, other, task.itemId, verdictOn(task))).statusCode).toBe(403);
  const draft = { method: 'PUT', url: `/api/tasks/${task.itemId}/draft`, payload: { draft: {} } } as const;
  expect((await app.inject({ ...draft, headers: other })).statusCode).toBe(403);
  expect((await app.inject({ url: `/api/tasks/${task.itemId}`, headers: other })).statusCode).toBe(403);
  expect(
    (await app.inject({ method: 'DELETE', url: `/api/tasks/${task.itemId}/lease`, headers: other })).statusCode,
  ).toBe(403);
  expect((await put(app, headers, task.itemId, verdictOn(task))).statusCode).toBe(200);
});

test('a cookie alone changes nothing: the page’s own header must come with it', async () => {
  const { app, token } = await ready();
  const session = await app.inject({ method: 'POST', url: '/api/session', payload: { token } });
  const cookie = String(session.headers['set-cookie']).split(';')[0] ?? '';
  const task = await nextTask(app, { cookie });
  const origin = { cookie, host: 'localhost:4600', origin: 'http://localhost:4600' };
  expect((await put(app, origin, task.itemId, verdictOn(task))).statusCode).toBe(403);
  expect((await put(app, { ...origin, 'x-fourfold-request': '1' }, task.itemId, verdictOn(task))).statusCode).toBe(200);
});

describe('a spoken reply', () => {
  async function withAudio() {
    const { workspace, set, token } = await labelingWorkspace();
    const dir = workspace.artifacts.dir(set);
    const path = join(dir, 'candidates.jsonl');
    const [first, second, ...rest] = await readJsonl(path, Candidate);
    const spoken = (candidate: Candidate | undefined, file: string) => ({
      ...candidate,
      audio: { file: `audio/${file}`, type: 'audio/wav', seconds: 1 },
    });
    await writeFile(path, toJsonl([spoken(first, 'one.wav'), spoken(second, 'link.wav'), ...rest]));
    await mkdir(join(dir, 'audio'));
    await writeFile(join(dir, 'audio', 'one.wav'), '0123456789');
    await symlink(join(workspace.dir, 'db.json'), join(dir, 'audio', 'link.wav'));
    const app: FastifyInstance = await buildApp({ workspace });
    closing.push(() => app.close());
    return { app, headers: await signIn(app, token), spoken: first?.id, linked: second?.id, silent: rest[0]?.id };
  }

  test('comes in ranges, as sound and nothing else, to those who are signed in', async () => {
    const { app, headers, spoken } = await withAudio();
    const url = `/api/audio/${spoken}`;
    const part = await app.inject({ url, headers: { ...headers, range: 'bytes=2-4' } });
    expect([part.statusCode, part.body]).toEqual([206, '234']);
    expect(part.headers).toMatchObject({
      'content-type': 'audio/wav',
      'content-range': 'bytes 2-4/10',
      'x-content-type-options': 'nosniff',
    });
    expect((await app.inject({ url, headers })).body).toBe('0123456789');
    expect((await app.inject({ url })).statusCode).toBe(401);
    const task = await nextTask(app, headers);
    expect(JSON.stringify(task)).not.toContain('one.wav');
  });

  test('is never a file that lies elsewhere', async () => {
    const { app, headers, linked, silent } = await withAudio();
    for (const id of [linked, silent, 'c-none']) {
      expect((await app.inject({ url: `/api/audio/${id}`, headers })).statusCode).toBe(404);
    }
  });
});

test('the webhook is told of each complete batch, signed, and again until it answers', async () => {
  const received: Array<{ body: string; signature: string }> = [];
  const answers = [500, 200, 200, 200];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ body, signature: String(request.headers['x-fourfold-signature']) });
      response.statusCode = answers[received.length - 1] ?? 200;
      response.end();
    });
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  closing.push(async () => hook.close());
  const { app, workspace, headers } = await ready(4);
  const lead = await signInAs(app, workspace, 'lee', 'lead');
  const secret = 'the key of the webhook';
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  const settings = { webhook: { url, secret, batchItems: 2 } };
  await app.inject({ method: 'PATCH', url: '/api/lead/project', headers: lead, payload: settings });
  for (let i = 0; i < 4; i++) {
    const task = await nextTask(app, headers);
    await put(app, headers, task.itemId, verdictOn(task));
  }
  const deliveries = async () =>
    (await app.inject({ url: '/api/lead/webhooks', headers: lead })).json().deliveries as Array<{ state: string }>;
  const areDelivered = async () => (await deliveries()).filter(({ state }) => state === 'delivered').length === 2;
  for (let i = 0; i < 200 && !(await areDelivered()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await deliveries()).toMatchObject([
    { event: 'project.complete', state: 'delivered', lastError: null },
    { event: 'batch.complete', state: 'delivered', lastError: null },
  ]);
  expect(received).toHaveLength(3);
  for (const { body, signature } of received) {
    const seconds = Number(/^t=(\d+),/.exec(signature)?.[1]);
    expect(signature).toBe(
      `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`,
    );
    expect(signature).toBe(signatureOf(secret, seconds, body));
  }
  expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ event: 'batch.complete', complete: 2, total: 4 });
}, 20_000);

test('the interface describes itself', async () => {
  const { app } = await ready();
  const { openapi, paths } = (await app.inject({ url: '/api/openapi.json' })).json();
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/api/session', '/api/tasks/next', '/api/tasks/{itemId}/judgement', '/api/lead/agreement']),
  );
  const body = paths['/api/tasks/{itemId}/judgement'].put.requestBody.content['application/json'].schema;
  expect(Object.keys(body.properties)).toEqual(expect.arrayContaining(['ratings', 'comparison', 'submissionId']));
});
