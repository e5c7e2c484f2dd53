import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { APIError } from 'openai';
import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { loadServedModel, type ServedModel } from './servedModel.ts';
import { type ModelServerOptions, type RunningModelServer, startModelServer } from './server.ts';

let dir: string;
let model: ServedModel;
let server: RunningModelServer;
let client: OpenAI;
let tensors: number;
const notes: string[] = [];

async function start(change: Partial<ModelServerOptions> = {}): Promise<RunningModelServer> {
  const models = change.models ?? [await loadServedModel({ names: ['tiny', 'alias/tiny'], dir, maxBatch: 8 })];
  return startModelServer({
    models,
    apiKey: null,
    host: '127.0.0.1',
    port: 0,
    allowRemote: false,
    note: (line) => notes.push(line),
    ...change,
  });
}

beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  dir = await mkdtemp(join(tmpdir(), 'fourfold-serve-'));
  await makeTinyModel(dir, { seed: 3 });
  tensors = tf.memory().numTensors;
  model = await loadServedModel({ names: ['tiny', 'alias/tiny'], dir, maxBatch: 8 });
  server = await start({ models: [model] });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await server.close();
  expect(tf.memory().numTensors).toBe(tensors);
  await rm(dir, { recursive: true, force: true });
});

const MESSAGES = [{ role: 'user' as const, content: 'What is it?' }];
const ASKED = { model: 'tiny', messages: MESSAGES, max_tokens: 12, temperature: 1, seed: 2 };
const statusOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 200,
    (error: unknown) => (error instanceof APIError ? [error.status, error.code, error.param] : error),
  );

test('models are listed under all their names', async () => {
  const listed = [];
  for await (const found of client.models.list()) listed.push(found.id);
  expect(listed).toEqual(['tiny', 'alias/tiny']);
  expect((await client.models.retrieve('alias/tiny')).owned_by).toBe('fourfold');
});

test('a chat completion, whole and streamed, says the same', async () => {
  const whole = await client.chat.completions.create(ASKED);
  expect(whole.object).toBe('chat.completion');
  expect(whole.choices[0]?.message.role).toBe('assistant');
  expect(whole.choices[0]?.message.content?.length).toBeGreaterThan(0);
  const stream = await client.chat.completions.create({
    ...ASKED,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  expect(text).toBe(whole.choices[0]?.message.content);
  expect(chunks.length).toBeGreaterThan(3);
  expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
  expect(whole.usage?.total_tokens).toBe((whole.usage?.prompt_tokens ?? 0) + (whole.usage?.completion_tokens ?? 0));
});

test('the prompt is the template’s, and max_tokens cuts', async () => {
  const { tokenizer } = model;
  const expected = tokenizer.encode(tokenizer.chatTemplate?.render(MESSAGES, true) ?? '', { addSpecialTokens: false });
  const reply = await client.chat.completions.create({ ...ASKED, max_tokens: 3, temperature: 1, seed: 5 });
  expect(reply.usage).toEqual({
    prompt_tokens: expected.length,
    completion_tokens: 3,
    total_tokens: expected.length + 3,
  });
  expect(reply.choices[0]?.finish_reason).toBe('length');
});

test('a seed gives the same again, n gives several that differ', async () => {
  const ask = (seed: number) =>
    client.chat.completions
      .create({ ...ASKED, temperature: 1, seed, n: 3 })
      .then(({ choices }) => choices.map(({ message }) => message.content));
  const first = await ask(7);
  expect(new Set(first).size).toBe(3);
  expect(await ask(7)).toEqual(first);
  expect(await ask(8)).not.toEqual(first);
});

test('requests that come at once are decoded together, and each gets what it gets alone', async () => {
  const ask = (content: string, max_tokens: number) =>
    client.chat.completions.create({
      ...ASKED,
      messages: [{ role: 'user', content }],
      temperature: 1,
      seed: 4,
      max_tokens,
    });
  const textOf = async (promise: ReturnType<typeof ask>) => (await promise).choices[0];
  const alone = [];
  for (const [content, most] of [
    ['a', 4],
    ['The cat', 9],
    ['什么', 6],
  ] as const)
    alone.push(await textOf(ask(content, most)));
  const together = await Promise.all([textOf(ask('a', 4)), textOf(ask('The cat', 9)), textOf(ask('什么', 6))]);
  expect(together).toEqual(alone);
});

test('a stop text ends the reply before it', async () => {
  const { choices } = await client.chat.completions.create({ ...ASKED, max_tokens: 40 });
  const text = choices[0]?.message.content ?? '';
  const stop = text.slice(4, 6);
  expect(stop).toHaveLength(2);
  const cut = await client.chat.completions.create({ ...ASKED, max_tokens: 40, stop });
  expect(cut.choices[0]).toMatchObject({
    message: { content: text.slice(0, text.indexOf(stop)) },
    finish_reason: 'stop',
  });
});

test('completions take text, ids and lists of them', async () => {
  const ids = model.tokenizer.encode('The cat', { addSpecialTokens: true });
  const ask = (prompt: string | string[] | number[] | number[][]) =>
    client.completions
      .create({ model: 'tiny', prompt, temperature: 0 })
      .then(({ choices }) => choices.map(({ text }) => text));
  const [text] = await ask('The cat');
  expect(await ask(ids)).toEqual([text]);
  expect(await ask([ids, ids])).toEqual([text, text]);
  expect((await ask(['The cat', 'a']))[0]).toBe(text);
  const stream = await client.completions.create({ model: 'tiny', prompt: 'The cat', temperature: 0, stream: true });
  let streamed = '';
  for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? '';
  expect(streamed).toBe(text);
});

describe('what is wrong is told in OpenAI’s form', () => {
  test.each([
    ['an unknown model', { model: 'none' }, [404, 'not-found', null]],
    ['a temperature out of range', { temperature: 3 }, [400, 'bad-input', 'temperature']],
    ['a penalty', { presence_penalty: 1 }, [400, 'bad-input', 'presence_penalty']],
    ['a bias', { logit_bias: { '5': 1 } }, [400, 'bad-input', 'logit_bias.5']],
    ['logprobs', { logprobs: true }, [400, 'bad-input', 'logprobs']],
    [
      'a JSON schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'x' } } },
      [400, 'bad-input', 'response_format.type'],
    ],
    ['an unknown option', { surprise: 1 }, [400, 'bad-input', null]],
    ['no messages', { messages: [] }, [400, 'bad-input', 'messages']],
    [
      'a prompt over the context',
      { messages: [{ role: 'user', content: 'x '.repeat(300) }] },
      [400, 'context_length_exceeded', null],
    ],
  ])('%s', async (_name, change, expected) => {
    const asked = { ...ASKED, ...change } as OpenAI.ChatCompletionCreateParamsNonStreaming;
    expect(await statusOf(client.chat.completions.create(asked))).toEqual(expected);
  });

  test('a stream that cannot begin ends with the error', async () => {
    const stream = await client.chat.completions.create({
      ...ASKED,
      messages: [{ role: 'user', content: 'x '.repeat(300) }],
      stream: true,
    });
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow(/context of 128/);
  });

  test('a body that is no JSON, too large, or of another type; an unknown route', async () => {
    const post = (body: string, type = 'application/json') =>
      fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body, headers: { 'content-type': type } });
    expect((await post('{')).status).toBe(400);
    expect((await post('{}', 'text/plain')).status).toBe(415);
    expect((await post(`"${'x'.repeat(5 * 2 ** 20)}"`)).status).toBe(413);
    expect((await fetch(`${server.url}/v1/nothing`)).status).toBe(404);
  });
});

test('a client that goes away ends its reply', async () => {
  const running = client.chat.completions.create({ ...ASKED, temperature: 1, max_tokens: 100, stream: true }, {});
  const stream = await running;
  for await (const _ of stream) break;
  stream.controller.abort();
  // The queue is free again at once: a reply of one token does not wait for the hundred.
  const next = await client.chat.completions.create({ ...ASKED, max_tokens: 1 });
  expect(next.usage?.completion_tokens).toBe(1);
});

describe('who may ask', () => {
  test('with a key, only who has it', async () => {
    const guarded = await start({ apiKey: 'secret-key' });
    try {
      const ask = (apiKey: string) =>
        statusOf(new OpenAI({ baseURL: `${guarded.url}/v1`, apiKey, maxRetries: 0 }).models.retrieve('tiny'));
      expect(await ask('secret-key')).toBe(200);
      expect(await ask('secret-kez')).toEqual([401, 'not-signed-in', null]);
      expect((await fetch(`${guarded.url}/v1/models`)).status).toBe(401);
    } finally {
      await guarded.close();
    }
  });

  test('other hosts only with --allow-remote and a key', async () => {
    await expect(start({ models: [], host: '0.0.0.0' })).rejects.toThrow(/loopback/);
    await expect(start({ models: [], host: '0.0.0.0', allowRemote: true })).rejects.toThrow(/FOURFOLD_API_KEY/);
  });

  test('a request under another host’s name is refused, and no other site is let in', async () => {
    const ask = async (headers: Record<string, string>, method = 'GET') => {
      const request = httpRequest(`${server.url}/v1/models`, { headers, method });
      request.end();
      const [response] = await once(request, 'response');
      response.resume();
      return response;
    };
    expect((await ask({ host: 'evil.example' })).statusCode).toBe(403);
    const preflight = await ask({ origin: 'http://evil.example', 'access-control-request-method': 'POST' }, 'OPTIONS');
    expect(preflight.statusCode).toBe(404);
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  });
});

test('a model without a template takes completions, not conversations', async () => {
  const bare = join(dir, 'bare');
  await makeTinyModel(bare, { seed: 3 });
  await writeFile(join(bare, 'tokenizer_config.json'), '{"eos_token": "<|end|>"}');
  const bareServer = await start({ models: [await loadServedModel({ names: ['bare'], dir: bare, maxBatch: 2 })] });
  try {
    const bareClient = new OpenAI({ baseURL: `${bareServer.url}/v1`, apiKey: 'none', maxRetries: 0 });
    expect(await statusOf(bareClient.chat.completions.create({ ...ASKED, model: 'bare' }))).toEqual([
      400,
      'bad-model',
      null,
    ]);
    expect((await bareClient.completions.create({ model: 'bare', prompt: 'The', max_tokens: 2 })).choices).toHaveLength(
      1,
    );
  } finally {
    await bareServer.close();
  }
});
