import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { ArtifactOf } from '../core/artifacts.ts';
import { readCandidateSet } from '../core/candidateSet.ts';
import { readJsonl, toJsonl } from '../core/jsonl.ts';
import { Candidate } from '../core/records.ts';
import * as tf from '../engine/tf.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { makeTinyJob, type TinyJob } from '../training/testing/tinyJob.ts';
import { collectCandidates } from './candidates.ts';
import { CandidatesConfig } from './candidatesConfig.ts';

let tiny: TinyJob;
beforeAll(async () => {
  tiny = await makeTinyJob();
  await makeTinyModel(join(tiny.dir, 'v1'), { seed: 1 });
  await makeTinyModel(join(tiny.dir, 'v2'), { seed: 2 });
  const prompts = ['a', 'bb bb bb', 'ccc ccc ccc ccc ccc', 'd'].map((prompt, i) => ({ id: `p-${i}`, prompt }));
  const heldOut = { id: 'h-0', prompt: 'held out', split: 'heldout' };
  await writeFile(join(tiny.dir, 'prompts.jsonl'), toJsonl([...prompts, heldOut]));
});
afterAll(() => tiny.remove());

const configOf = (change: Record<string, unknown> = {}) =>
  CandidatesConfig.parse({
    models: ['v1', 'v2'],
    prompts: 'prompts.jsonl',
    maxNewTokens: 6,
    temperature: 1,
    batchSize: 3,
    seed: 9,
    ...change,
  });

const candidatesOf = (set: ArtifactOf<'candidate-set'>) =>
  readJsonl(join(tiny.workspace.artifacts.dir(set), 'candidates.jsonl'), Candidate);
const byId = (candidates: Candidate[]) => [...candidates].sort((a, b) => (a.id < b.id ? -1 : 1));
const lastRun = async () => (await tiny.workspace.runs.list()).at(-1) ?? '';

describe('from models here', () => {
  test('every version answers every training prompt as often as asked, into items for raters', async () => {
    const before = tf.memory().numTensors;
    const set = await collectCandidates(tiny, configOf());
    expect(tf.memory().numTensors).toBe(before);
    const candidates = await candidatesOf(set);
    // 4 prompts, 2 versions, 2 samples
    expect(candidates).toHaveLength(16);
    expect(new Set(candidates.map(({ id }) => id)).size).toBe(16);
    expect(new Set(candidates.map(({ promptId }) => promptId))).toEqual(new Set(['p-0', 'p-1', 'p-2', 'p-3']));
    expect(new Set(candidates.map(({ text }) => text)).size).toBeGreaterThan(12);
    const promptSet = tiny.workspace.artifacts.latest('prompt-set');
    expect(set).toMatchObject({ versions: ['v1', 'v2'], parents: [promptSet?.id], engine: 'wasm' });
    expect(set.metrics).toMatchObject({ prompts: 4, candidates: 16 });
    const items = await readCandidateSet(tiny.workspace.artifacts.dir(set), set.id);
    expect(items.map(({ item }) => item.candidateIds.length)).toEqual([4, 4, 4, 4]);
    expect(items.every(({ item }) => item.candidateSetId === set.id)).toBe(true);
  });

  test('the same seed gives the same ids and texts at any batch size, another seed others', async () => {
    const [one, other] = [
      await collectCandidates(tiny, configOf({ batchSize: 1 })),
      await collectCandidates(tiny, configOf({ batchSize: 16 })),
    ];
    expect(byId(await candidatesOf(one))).toEqual(byId(await candidatesOf(other)));
    const reseeded = await collectCandidates(tiny, configOf({ seed: 10 }));
    const texts = (candidates: Candidate[]) => candidates.map(({ text }) => text);
    expect(texts(await candidatesOf(reseeded))).not.toEqual(texts(await candidatesOf(one)));
    const ids = new Set((await candidatesOf(one)).map(({ id }) => id));
    expect((await candidatesOf(reseeded)).some(({ id }) => ids.has(id))).toBe(false);
  });

  test.each([0, 3, 8, 12])(
    'stopped at %i replies and resumed: the same replies, none twice, none missing',
    async (done) => {
      const straight = await collectCandidates(tiny, configOf());
      await expect(collectCandidates(tiny.stoppingAt(done), configOf())).rejects.toMatchObject({ code: 'interrupted' });
      const id = await lastRun();
      const log = join(tiny.workspace.dir, 'runs', id, 'candidates.jsonl');
      const kept = done === 0 ? [] : await readJsonl(log, Candidate);
      expect(kept.length).toBeGreaterThanOrEqual(done);
      expect(kept.length).toBeLessThan(16);
      // Another batch size, so that the batches of the second part are cut otherwise.
      const resumed = await collectCandidates(tiny, configOf({ resume: id, batchSize: 2 }));
      expect(byId(await candidatesOf(resumed))).toEqual(byId(await candidatesOf(straight)));
      expect((await readFile(log, 'utf8')).trim().split('\n')).toHaveLength(16);
      // Once more, when all is done: nothing new.
      expect(await collectCandidates(tiny, configOf({ resume: id }))).toEqual(resumed);
    },
  );

  test('the message of a stop says how to go on', async () => {
    await expect(collectCandidates(tiny.stoppingAt(1), configOf())).rejects.toThrow(
      /every reply so far is kept.*--resume/,
    );
    await expect(collectCandidates(tiny.stoppingAt(1), configOf())).rejects.toThrow(/--resume candidates-run-\d+\.$/);
  });

  test('limit and split choose the prompts', async () => {
    const few = await candidatesOf(await collectCandidates(tiny, configOf({ limit: 2, samplesPerPrompt: 1 })));
    expect(few.map(({ promptId }) => promptId)).toEqual(['p-0', 'p-0', 'p-1', 'p-1']);
    const held = await candidatesOf(await collectCandidates(tiny, configOf({ split: 'heldout', models: ['v1'] })));
    expect(held.map(({ promptId }) => promptId)).toEqual(['h-0', 'h-0']);
  });
});

describe('what cannot be done is refused', () => {
  test.each([
    [{ models: [] }, 'bad-option', '--models'],
    [{ models: ['v1', 'v1'] }, 'bad-option', 'v1 is there twice'],
    [
      { models: ['v1'], servers: [{ baseUrl: 'http://127.0.0.1:1/v1', model: 'v1' }] },
      'bad-option',
      'v1 is there twice',
    ],
    [{ models: ['nowhere'] }, 'not-found', 'nowhere'],
    [{ prompts: 'none.jsonl' }, 'not-found', 'none.jsonl'],
  ])('%j: %s', async (change, code, message) => {
    await expect(collectCandidates(tiny, configOf(change))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test('a prompt that does not fit the context is named before anything is sampled', async () => {
    await makeTinyModel(join(tiny.dir, 'short'), { seed: 1, config: { maxPositions: 16 } });
    await expect(collectCandidates(tiny, configOf({ models: ['short'] }))).rejects.toMatchObject({
      code: 'too-long',
      message: expect.stringMatching(/Prompt p-2: .* context of 16, got \d+/),
    });
  });
});

describe('from a server', () => {
  let server: Server | null = null;
  const bodies: Array<Record<string, unknown>> = [];
  let authorization: string | undefined;

  async function serve(handler: (response: ServerResponse, count: number) => void): Promise<string> {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        bodies.push(JSON.parse(text));
        authorization = request.headers.authorization;
        handler(response, bodies.length);
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  }

  afterEach(async () => {
    bodies.length = 0;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
    server = null;
  });

  const send = (response: ServerResponse, status: number, body: unknown) => {
    // The pause that the server asks for keeps the retries of the test short.
    response.writeHead(status, { 'content-type': 'application/json', 'retry-after-ms': '1' });
    response.end(JSON.stringify(body));
  };
  const completion = (content: string, finishReason = 'stop') => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'remote',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finishReason }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
  const configFor = (baseUrl: string, change: Record<string, unknown> = {}) =>
    configOf({ models: [], servers: [{ baseUrl, model: 'remote' }], samplesPerPrompt: 1, concurrency: 1, ...change });

  test('replies come over the chat completions interface, each asked with its own seed', async () => {
    const url = await serve((response, count) =>
      send(response, 200, completion(` reply ${count}\n`, count === 2 ? 'length' : 'stop')),
    );
    const set = await collectCandidates(tiny, configFor(url, { topP: 0.5, samplesPerPrompt: 2 }));
    const candidates = await candidatesOf(set);
    expect(candidates).toHaveLength(8);
    expect(candidates.map(({ text }) => text).sort()).toEqual(Array.from({ length: 8 }, (_, i) => `reply ${i + 1}`));
    expect(candidates.filter(({ finishReason }) => finishReason === 'length').map(({ text }) => text)).toEqual([
      'reply 2',
    ]);
    expect(set.versions).toEqual(['remote']);
    expect(bodies[0]).toMatchObject({
      model: 'remote',
      messages: [{ role: 'user', content: 'a' }],
      temperature: 1,
      top_p: 0.5,
      max_tokens: 6,
    });
    expect(new Set(bodies.map((body) => body.seed))).toEqual(new Set(candidates.map(({ seed }) => seed)));
    expect(authorization).toBeUndefined();
  });

  test('the key comes from its variable, and an empty one is refused by name', async () => {
    const url = await serve((response) => send(response, 200, completion('ok')));
    const servers = [{ baseUrl: url, model: 'remote', apiKeyEnv: 'FOURFOLD_TEST_KEY' }];
    await expect(collectCandidates(tiny, configFor(url, { servers }))).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('FOURFOLD_TEST_KEY'),
    });
    expect(bodies).toHaveLength(0);
    process.env.FOURFOLD_TEST_KEY = 'secret';
    try {
      await collectCandidates(tiny, configFor(url, { servers, limit: 1 }));
      expect(authorization).toBe('Bearer secret');
    } finally {
      delete process.env.FOURFOLD_TEST_KEY;
    }
  });

  test('a failure that passes is tried again', async () => {
    const url = await serve((response, count) =>
      count < 3 ? send(response, 500, { error: { message: 'busy' } }) : send(response, 200, completion('ok')),
    );
    const set = await collectCandidates(tiny, configFor(url, { limit: 1 }));
    expect((await candidatesOf(set)).map(({ text }) => text)).toEqual(['ok']);
    expect(bodies).toHaveLength(3);
  });

  test('a failure that stays ends the run at once, names the server, and what was there is kept for --resume', async () => {
    let isDown = false;
    const url = await serve((response, count) => {
      if (count > 2) isDown = true;
      if (isDown) send(response, 500, { error: { message: 'out of memory' } });
      else send(response, 200, completion(`reply ${count}`));
    });
    await expect(collectCandidates(tiny, configFor(url))).rejects.toMatchObject({
      code: 'server-failed',
      message: expect.stringMatching(/127\.0\.0\.1:\d+\/v1 \(remote\) gave no reply: .*out of memory.*--resume/),
    });
    // Two replies, then four attempts at the third; the fourth prompt is not asked.
    expect(bodies).toHaveLength(6);
    const id = await lastRun();
    server?.removeAllListeners('request');
    server?.on('request', (request, response) => {
      request.resume();
      send(response, 200, completion('late'));
    });
    const resumed = await candidatesOf(await collectCandidates(tiny, { ...configFor(url), resume: id }));
    expect(resumed.map(({ text }) => text)).toEqual(['reply 1', 'reply 2', 'late', 'late']);
  });

  test('a server that is not there is named, after the retries', async () => {
    const others = [
      'Date',
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'setInterval',
    ] as const;
    jest.useFakeTimers({ doNotFake: [...others] });
    try {
      const run = collectCandidates(tiny, configFor('http://127.0.0.1:1/v1')).then(
        () => null,
        (error: unknown) => error,
      );
      let outcome: unknown;
      void run.then((value) => {
        outcome = value;
      });
      while (outcome === undefined) {
        await jest.advanceTimersByTimeAsync(1000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(outcome).toMatchObject({
        code: 'server-failed',
        message: expect.stringMatching(/127\.0\.0\.1:1\/v1 \(remote\) gave no reply: .*--resume/),
      });
    } finally {
      jest.useRealTimers();
    }
  });

  test('a refusal is not tried again', async () => {
    const url = await serve((response) => send(response, 401, { error: { message: 'wrong key' } }));
    await expect(collectCandidates(tiny, configFor(url))).rejects.toMatchObject({
      code: 'server-failed',
      message: expect.stringContaining('wrong key'),
    });
    expect(bodies).toHaveLength(1);
  });

  test('an answer that is no completion is a failure, not an empty reply', async () => {
    const url = await serve((response) => send(response, 200, { hello: 'world' }));
    await expect(collectCandidates(tiny, configFor(url))).rejects.toMatchObject({ code: 'server-failed' });
  });

  test('stopped while a server answers: what came is kept, and the message says how to go on', async () => {
    const url = await serve((response, count) => {
      if (count === 1) send(response, 200, completion('first'));
    });
    // The second request is never answered: only the abort ends it.
    await expect(collectCandidates(tiny.stoppingAt(1), configFor(url, { concurrency: 2 }))).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringMatching(/--resume candidates-run-\d+/),
    });
    const log = join(tiny.workspace.dir, 'runs', await lastRun(), 'candidates.jsonl');
    expect((await readJsonl(log, Candidate)).map(({ text }) => text)).toEqual(['first']);
  });
});
