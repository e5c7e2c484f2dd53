// The application that answers as OpenAI's interface does, over loaded models: /v1/models, /v1/chat/completions,
// /v1/completions. It does not listen (server.ts).
import { createHash, randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { seedOf } from '../core/random.ts';
import { sentenceOf } from '../core/zodSentence.ts';
import { errorBody, registerErrors } from './errors.ts';
import { eventStream } from './eventStream.ts';
import {
  CHAT_WORDING,
  ChatRequest,
  COMPLETION_WORDING,
  CompletionRequest,
  DEFAULT_COMPLETION_TOKENS,
  DEFAULT_MAX_TOKENS,
  type Usage,
  type Wording,
} from './protocol.ts';
import { promptOf, type Reply, replyOf, type ServedModel } from './servedModel.ts';

export interface ServeAppOptions {
  models: ReadonlyArray<ServedModel>;
  /** What requests must carry as `Authorization: Bearer`; null where none is asked for. */
  apiKey: string | null;
  /** Answers under any host name, as a server does that other machines reach. */
  allowAnyHost?: boolean;
  /** Where failures of the server itself are told. */
  note?: (line: string) => void;
}

const BODY_LIMIT_BYTES = 4 * 2 ** 20;
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const SEEDS = 2 ** 32;

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares in a time that does not depend on where they differ. */
function isKey(given: string | undefined, apiKey: string): boolean {
  const token = /^Bearer (.+)$/.exec(given ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(token), digest(apiKey));
}

/** A page of another site must not reach the server through the browser that runs here (DNS rebinding, forged requests). */
function guard(app: FastifyInstance, { apiKey, allowAnyHost = false }: ServeAppOptions): void {
  app.addHook('onRequest', async (request) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    if (!allowAnyHost && !LOOPBACK_NAMES.includes(host)) {
      throw new FourfoldError(
        'not-allowed',
        `Expected a request to ${LOOPBACK_NAMES.join(', ')}, got one to another host.`,
      );
    }
    if (apiKey !== null && !isKey(request.headers.authorization, apiKey)) {
      throw new FourfoldError(
        'not-signed-in',
        'Expected Authorization: Bearer with the key of this server (FOURFOLD_API_KEY).',
      );
    }
  });
}

function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw Object.assign(new FourfoldError('bad-input', sentenceOf(parsed.error, body)), {
    param: parsed.error.issues[0]?.path.join('.') || null,
  });
}

type Asked = ChatRequest | CompletionRequest;

interface Order {
  model: ServedModel;
  asked: Asked;
  wording: Wording;
  /** One for each prompt; `n` replies to each. */
  prompts: ReadonlyArray<ReadonlyArray<number>>;
  maxNewTokens: number;
}

/** What all replies to one request share. */
function orderOf({ model, asked, prompts, maxNewTokens }: Order, signal: AbortSignal) {
  const seed = asked.seed ?? randomInt(SEEDS);
  return prompts.flatMap((promptIds, prompt) =>
    Array.from({ length: asked.n }, (_, sample) => ({
      promptIds,
      seed: seedOf(seed, 'serve', prompt, sample),
      temperature: asked.temperature,
      topK: asked.top_k,
      topP: asked.top_p,
      maxNewTokens: Math.min(maxNewTokens, Math.max(1, model.maxPositions - promptIds.length)),
      stops: asked.stop,
      signal,
    })),
  );
}

function usageOf({ prompts }: Order, replies: ReadonlyArray<Reply>): Usage {
  const promptTokens = prompts.reduce((sum, ids) => sum + ids.length, 0);
  const completionTokens = replies.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** Answers an order, whole or as a stream of events; a client that goes away ends its replies. */
async function answer(order: Order, reply: FastifyReply): Promise<unknown> {
  const { model, asked, wording } = order;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  reply.raw.on('close', onClose);
  const head = {
    id: `${wording.idPrefix}-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: asked.model,
  };
  const requests = orderOf(order, gone.signal);
  if (!asked.stream) {
    const replies = await Promise.all(requests.map((request) => replyOf(model, request))).catch((error: unknown) => {
      gone.abort();
      throw error;
    });
    const choices = replies.map(({ text, finishReason }, index) => wording.whole(index, text, finishReason));
    return { ...head, object: wording.object.whole, choices, usage: usageOf(order, replies) };
  }
  const includesUsage = asked.stream_options?.include_usage ?? false;
  const events = eventStream(reply);
  const send = (choices: object[], usage: Usage | null) =>
    events.send({ ...head, object: wording.object.chunk, choices, ...(includesUsage ? { usage } : {}) });
  try {
    const replies = await Promise.all(
      requests.map(async (request, index) => {
        let isFirst = true;
        const say = (text: string, finishReason: Reply['finishReason'] | null) => {
          send([wording.piece(index, text, { isFirst, finishReason })], null);
          isFirst = false;
        };
        const made = await replyOf(model, { ...request, onText: (text) => say(text, null) });
        say('', made.finishReason);
        return made;
      }),
    );
    if (includesUsage) send([], usageOf(order, replies));
    events.done();
  } catch (error) {
    gone.abort();
    events.fail(errorBody(error));
  }
  return reply;
}

/** Builds the application; `inject()` works on what comes back. Closing it frees the models. */
export function buildServeApp(options: ServeAppOptions): FastifyInstance {
  const { models, note = () => undefined } = options;
  const app = fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  // Only JSON: what a form of another site can send is not taken.
  app.removeContentTypeParser('text/plain');
  registerErrors(app, note);
  guard(app, options);

  const modelNamed = (name: string): ServedModel => {
    const found = models.find(({ names }) => names.includes(name));
    if (found !== undefined) return found;
    const known = models.flatMap(({ names }) => names).join(', ');
    throw new FourfoldError('not-found', `The model ${JSON.stringify(name)} is not served here. Served: ${known}.`);
  };
  const card = ({ createdSeconds }: ServedModel, id: string) => ({
    id,
    object: 'model',
    created: createdSeconds,
    owned_by: 'fourfold',
  });

  app.get('/health', async () => ({ status: 'ok' }));
  app.get('/v1/models', async () => ({
    object: 'list',
    data: models.flatMap((model) => model.names.map((name) => card(model, name))),
  }));
  app.get('/v1/models/*', async (request) => {
    const name = (request.params as { '*': string })['*'];
    return card(modelNamed(name), name);
  });
  app.post('/v1/chat/completions', async (request: FastifyRequest, reply) => {
    const asked = parseBody(ChatRequest, request.body);
    const model = modelNamed(asked.model);
    const messages = asked.messages.map((message) => ({
      ...message,
      role: message.role === 'developer' ? 'system' : message.role,
    }));
    const tools = asked.tools ?? [];
    const isToolless = tools.length === 0 || asked.tool_choice === 'none';
    const promptIds = promptOf(model, messages, isToolless ? {} : { tools });
    const maxNewTokens = asked.max_completion_tokens ?? asked.max_tokens ?? DEFAULT_MAX_TOKENS;
    return answer({ model, asked, wording: CHAT_WORDING, prompts: [promptIds], maxNewTokens }, reply);
  });
  app.post('/v1/completions', async (request: FastifyRequest, reply) => {
    const asked = parseBody(CompletionRequest, request.body);
    const model = modelNamed(asked.model);
    const prompts = promptsOf(asked.prompt, model);
    const maxNewTokens = asked.max_tokens ?? DEFAULT_COMPLETION_TOKENS;
    return answer({ model, asked, wording: COMPLETION_WORDING, prompts, maxNewTokens }, reply);
  });
  app.addHook('onClose', async () => {
    await Promise.all(models.map((model) => model.close()));
  });
  return app;
}

/** A prompt may be a text, ids, or a list of either. */
function promptsOf(prompt: CompletionRequest['prompt'], { tokenizer }: ServedModel): number[][] {
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: true });
  if (typeof prompt === 'string') return [encode(prompt)];
  const ids = prompt.filter((item) => typeof item === 'number');
  if (ids.length === prompt.length) return [ids];
  return prompt.flatMap((item) => (typeof item === 'string' ? [encode(item)] : typeof item === 'number' ? [] : [item]));
}
