// A queue in front of `generate`: replies that are asked for at the same time, with the same sampling, are decoded in one
// batch. A batch under way takes in no more; those that come meanwhile make the next one.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FourfoldError } from '../core/errors.ts';
import { generate } from '../generate/generate.ts';
import type { Model } from '../model/model.ts';

export interface ReplyRequest {
  promptIds: ReadonlyArray<number>;
  seed: number;
  temperature: number;
  topK: number;
  topP: number;
  maxNewTokens: number;
  /** Called with each token as it comes; true ends the reply. */
  onToken(token: number): boolean;
  /** Aborted where nobody waits for the reply any more. */
  signal?: AbortSignal;
}

export interface ReplyQueue {
  /** Resolves when the reply has ended. @throws too-long, bad-input, busy, and what generate throws */
  submit(request: ReplyRequest): Promise<{ finishReason: 'stop' | 'length' }>;
  /** Lets what runs stop, refuses what waits; resolves when the model is free. */
  close(): Promise<void>;
}

interface Waiting extends ReplyRequest {
  resolve(reply: { finishReason: 'stop' | 'length' }): void;
  reject(error: unknown): void;
}

const MAX_WAITING = 256;

const samplingOf = ({ temperature, topK, topP }: ReplyRequest) => `${temperature} ${topK} ${topP}`;
const interrupted = () => new FourfoldError('interrupted', 'The reply was stopped.');

/** @param maxBatch the most replies decoded at once */
export function replyQueue(model: Model, stopIds: ReadonlyArray<number>, maxBatch: number): ReplyQueue {
  const waiting: Waiting[] = [];
  const stop = new AbortController();
  let work: Promise<void> | null = null;

  /** Takes from the queue all that goes with its oldest reply. */
  function takeBatch(): Waiting[] {
    const [first] = waiting;
    if (first === undefined) return [];
    const batch = waiting.filter((one) => samplingOf(one) === samplingOf(first)).slice(0, maxBatch);
    for (const one of batch) waiting.splice(waiting.indexOf(one), 1);
    return batch;
  }

  async function run(batch: ReadonlyArray<Waiting>): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const { temperature, topK, topP } = first;
    const counts = batch.map(() => 0);
    const isFull = batch.map(() => false);
    const maxNewTokens = Math.max(...batch.map((request) => request.maxNewTokens));
    try {
      const replies = await generate(model, batch, {
        sampling: { temperature, topK, topP, maxNewTokens },
        stopIds,
        signal: stop.signal,
        onToken(index, token) {
          const request = batch[index];
          if (request === undefined || request.signal?.aborted) return true;
          const count = (counts[index] ?? 0) + 1;
          counts[index] = count;
          if (request.onToken(token)) return true;
          isFull[index] = count >= request.maxNewTokens && !stopIds.includes(token);
          return isFull[index] === true;
        },
      });
      for (const [i, request] of batch.entries()) {
        const finishReason = isFull[i] ? 'length' : (replies[i]?.finishReason ?? 'stop');
        if (request.signal?.aborted) request.reject(interrupted());
        else request.resolve({ finishReason });
      }
    } catch (error) {
      for (const request of batch) request.reject(error);
    }
  }

  async function runAll(): Promise<void> {
    // A turn for the requests that have arrived at the same time.
    await nextTurn();
    while (waiting.length > 0 && !stop.signal.aborted) await run(takeBatch());
    work = null;
  }

  return {
    submit(request) {
      const { maxPositions, vocab } = model.config;
      const { promptIds } = request;
      if (stop.signal.aborted) return Promise.reject(interrupted());
      if (promptIds.length === 0) {
        return Promise.reject(new FourfoldError('bad-input', 'Expected a prompt of at least one token, got none.'));
      }
      // A request that does not fit must not fail the batch that it would be in.
      if (promptIds.length >= maxPositions) {
        return Promise.reject(
          new FourfoldError(
            'too-long',
            `Expected a prompt shorter than the model's context of ${maxPositions} tokens, got ${promptIds.length}. Shorten the prompt.`,
          ),
        );
      }
      if (promptIds.some((id) => !Number.isInteger(id) || id < 0 || id >= vocab)) {
        return Promise.reject(new FourfoldError('bad-input', `Expected token ids from 0 to ${vocab - 1}.`));
      }
      if (waiting.length >= MAX_WAITING) {
        return Promise.reject(
          new FourfoldError('too-many', `${MAX_WAITING} replies are waiting already. Try again later.`),
        );
      }
      return new Promise((resolve, reject) => {
        const one: Waiting = { ...request, resolve, reject };
        waiting.push(one);
        request.signal?.addEventListener('abort', () => {
          const at = waiting.indexOf(one);
          if (at === -1) return;
          waiting.splice(at, 1);
          reject(interrupted());
        });
        work ??= runAll();
      });
    },
    async close() {
      stop.abort();
      for (const one of waiting.splice(0)) one.reject(interrupted());
      await work;
    },
  };
}
