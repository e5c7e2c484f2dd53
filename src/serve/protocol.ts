// The part of OpenAI's interface that is served: requests of /v1/chat/completions and /v1/completions, and their replies.
// Reference: https://platform.openai.com/docs/api-reference/chat. What would change a reply and is not served is refused,
// never ignored; what only its own servers read (user, store, metadata) is passed over.
import { z } from 'zod';

const tokens = z.int().min(1);
/** An option that is served only with the value that says nothing. */
const neutral = <T extends z.core.util.Literal>(...values: T[]) => z.literal(values).nullish();

const Stop = z
  .union([z.string().min(1), z.array(z.string().min(1)).max(4)])
  .nullish()
  .transform((stop) => [stop ?? []].flat());

const common = {
  model: z.string().min(1),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .nullish()
    .transform((value) => value ?? 1),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .nullish()
    .transform((value) => value ?? 1),
  /** Not OpenAI's own; other servers have it. */
  top_k: z
    .int()
    .min(0)
    .nullish()
    .transform((value) => value ?? 0),
  max_tokens: tokens.nullish(),
  stop: Stop,
  seed: z.int().nullish(),
  n: z
    .int()
    .min(1)
    .max(16)
    .nullish()
    .transform((value) => value ?? 1),
  stream: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  presence_penalty: neutral(0),
  frequency_penalty: neutral(0),
  logit_bias: z.record(z.string(), z.never()).nullish(),
  user: z.string().nullish(),
};

/** Text, or text in parts; pictures and sound are refused. */
const Content = z
  .union([z.string(), z.array(z.strictObject({ type: z.literal('text'), text: z.string() }))])
  .nullish()
  .transform((content) => (Array.isArray(content) ? content.map(({ text }) => text).join('') : (content ?? '')));

const ChatMessage = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Content,
});

export const ChatRequest = z.strictObject({
  ...common,
  messages: z.array(ChatMessage).min(1),
  max_completion_tokens: tokens.nullish(),
  /** Shown to the model's template; calls come back as the text that the model wrote. */
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
  tool_choice: z.enum(['auto', 'none']).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  /** json_object is not enforced: the prompt must ask for JSON. */
  response_format: z.strictObject({ type: z.enum(['text', 'json_object']) }).nullish(),
  logprobs: neutral(false),
  top_logprobs: neutral(0),
  modalities: z.array(z.literal('text')).nullish(),
  store: z.boolean().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  service_tier: z.string().nullish(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

export const CompletionRequest = z.strictObject({
  ...common,
  prompt: z.union([
    z.string(),
    z.array(z.string()).min(1).max(64),
    z.array(z.int().min(0)).min(1),
    z
      .array(z.array(z.int().min(0)).min(1))
      .min(1)
      .max(64),
  ]),
  best_of: neutral(1),
  echo: neutral(false),
  suffix: neutral(''),
  logprobs: neutral(0),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** What a chat request may give for the longest reply where it says nothing. */
export const DEFAULT_MAX_TOKENS = 1024;
/** As OpenAI has it for /v1/completions. */
export const DEFAULT_COMPLETION_TOKENS = 16;

export type FinishReason = 'stop' | 'length';

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** The two kinds of completion, by how they word a choice. */
export interface Wording {
  object: { whole: string; chunk: string };
  idPrefix: string;
  /** The choice of a whole reply. */
  whole(index: number, text: string, finishReason: FinishReason): object;
  /** A piece of a reply; `isFirst` at its beginning, `finishReason` at its end. */
  piece(index: number, text: string, at: { isFirst: boolean; finishReason: FinishReason | null }): object;
}

export const CHAT_WORDING: Wording = {
  object: { whole: 'chat.completion', chunk: 'chat.completion.chunk' },
  idPrefix: 'chatcmpl',
  whole: (index, text, finishReason) => ({
    index,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: null,
    finish_reason: finishReason,
  }),
  piece: (index, text, { isFirst, finishReason }) => ({
    index,
    delta: { ...(isFirst ? { role: 'assistant' } : {}), ...(text !== '' || isFirst ? { content: text } : {}) },
    logprobs: null,
    finish_reason: finishReason,
  }),
};

export const COMPLETION_WORDING: Wording = {
  object: { whole: 'text_completion', chunk: 'text_completion' },
  idPrefix: 'cmpl',
  whole: (index, text, finishReason) => ({ index, text, logprobs: null, finish_reason: finishReason }),
  piece: (index, text, { finishReason }) => ({ index, text, logprobs: null, finish_reason: finishReason }),
};
