// A model that is served: loaded once, with its tokenizer and the queue of its replies.
import { FourfoldError } from '../core/errors.ts';
import { loadModel } from '../model/model.ts';
import type { TemplateExtras, TemplateMessage } from '../tokens/chatTemplate.ts';
import { renderPrompt } from '../tokens/rendering.ts';
import { loadTokenizer, type Tokenizer } from '../tokens/tokenizer.ts';
import type { FinishReason } from './protocol.ts';
import { type ReplyQueue, replyQueue } from './replyQueue.ts';
import { textStream } from './textStream.ts';

export interface ServedModel {
  /** What requests call it, the first name being the one that replies carry. */
  names: ReadonlyArray<string>;
  tokenizer: Tokenizer;
  queue: ReplyQueue;
  maxPositions: number;
  /** When it was made, or loaded where that is unknown; seconds since 1970. */
  createdSeconds: number;
  close(): Promise<void>;
}

export interface ServedModelOptions {
  names: ReadonlyArray<string>;
  dir: string;
  maxBatch: number;
  createdAt?: string;
}

/** @throws not-found, bad-model, unsupported. */
export async function loadServedModel({ names, dir, maxBatch, createdAt }: ServedModelOptions): Promise<ServedModel> {
  const tokenizer = await loadTokenizer(dir);
  const model = await loadModel(dir, 'causal-lm');
  let isClosed = false;
  const queue = replyQueue(model, tokenizer.stopIds, maxBatch);
  return {
    names,
    tokenizer,
    queue,
    maxPositions: model.config.maxPositions,
    createdSeconds: Math.floor((createdAt === undefined ? Date.now() : Date.parse(createdAt)) / 1000),
    async close() {
      if (isClosed) return;
      isClosed = true;
      await queue.close();
      model.dispose();
    },
  };
}

export interface ReplyOptions {
  promptIds: ReadonlyArray<number>;
  seed: number;
  temperature: number;
  topK: number;
  topP: number;
  maxNewTokens: number;
  /** Texts that end the reply and are no part of it. */
  stops: ReadonlyArray<string>;
  /** Called with each piece of text as it comes. */
  onText?(text: string): void;
  signal?: AbortSignal;
}

export interface Reply {
  text: string;
  tokens: number;
  finishReason: FinishReason;
}

/** One reply of a served model. @throws as ReplyQueue.submit. */
export async function replyOf(
  { queue, tokenizer }: Pick<ServedModel, 'queue' | 'tokenizer'>,
  { stops, onText, ...request }: ReplyOptions,
): Promise<Reply> {
  const stream = textStream(tokenizer.decode, stops);
  let text = '';
  let tokens = 0;
  const tell = (piece: string) => {
    if (piece === '') return;
    text += piece;
    onText?.(piece);
  };
  const { finishReason } = await queue.submit({
    ...request,
    onToken(token) {
      tokens++;
      if (!tokenizer.stopIds.includes(token)) tell(stream.push(token));
      return stream.isStopped;
    },
  });
  tell(stream.end());
  return { text, tokens, finishReason: stream.isStopped ? 'stop' : finishReason };
}

/** Ids of a conversation for a reply. @throws bad-model where the model has no template or it refuses the messages. */
export function promptOf(
  { tokenizer, names }: Pick<ServedModel, 'tokenizer' | 'names'>,
  messages: ReadonlyArray<TemplateMessage>,
  extras: TemplateExtras = {},
): number[] {
  if (tokenizer.chatTemplate !== null) return renderPrompt(tokenizer, messages, extras);
  throw new FourfoldError(
    'bad-model',
    `${names[0]} has no chat template, so it takes no conversation. Ask /v1/completions, or give the model a chat_template.`,
  );
}
