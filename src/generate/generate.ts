// The decode loop: prompts in, replies out. As many decode at once as there are slots; one that ends leaves its slot to the
// next that waits. Each sequence has its own stream of random numbers, so a prompt gives the same tokens whatever else is
// decoded, and however much at once.
import { FourfoldError } from '../core/errors.ts';
import { nextTurnUnlessStopped } from '../core/nextTurn.ts';
import { randomFrom } from '../core/random.ts';
import type { Sampling } from '../core/records.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Model } from '../model/model.ts';
import type { Decoder } from './decoder.ts';
import { openDecoder } from './openDecoder.ts';
import { type Entry, Schedule } from './schedule.ts';

export interface GenerateRequest {
  /** Prompt ids, at least one. */
  promptIds: ReadonlyArray<number>;
  seed: number;
}

export interface Generated {
  /** New tokens; the end token is the last of them where finishReason is 'stop'. */
  tokenIds: number[];
  /** log π of each new token at the temperature (1 where greedy), before top-k and top-p, in nats. */
  logProbs: number[];
  /** Entropy of the same distribution before each new token, in nats. */
  entropy: number[];
  finishReason: 'stop' | 'length';
}

export interface GenerateOptions {
  sampling: Sampling;
  /** Tokens that end a reply. */
  stopIds: ReadonlyArray<number>;
  /** The most sequences that decode at once; changes no token. */
  maxRunning?: number;
  /** Called with each new token, its log π (as in Generated), and the place of its request; true ends that reply with it. */
  onToken?: (index: number, token: number, logProb: number) => boolean;
  /** Called with each reply as soon as it is there, and its place in the requests; awaited. */
  onReply?: (reply: Generated, index: number) => void | Promise<void>;
  /** Called after each decoding step with the number of sequences not ended. */
  onStep?: (unfinished: number) => void;
  signal?: AbortSignal | undefined;
}

const MAX_RUNNING = 64;
/** Bytes that keys and values may take; fewer sequences decode at once where they would take more. */
const MOST_CACHE_BYTES = 2 ** 30;

function checkLengths(model: Model, requests: ReadonlyArray<GenerateRequest>): void {
  for (const { promptIds } of requests) {
    if (promptIds.length === 0) {
      throw new FourfoldError(
        'bad-input',
        'Expected a prompt of at least one token, got none, and the tokenizer adds no beginning token.',
      );
    }
    if (promptIds.length >= model.config.maxPositions) {
      throw new FourfoldError(
        'too-long',
        `Expected a prompt shorter than the model's context of ${model.config.maxPositions} tokens, got ${promptIds.length}. Shorten the prompt.`,
      );
    }
    const outside = promptIds.find((id) => !Number.isInteger(id) || id < 0 || id >= model.config.vocab);
    if (outside !== undefined) {
      throw new FourfoldError('bad-input', `Expected token ids from 0 to ${model.config.vocab - 1}, got ${outside}.`);
    }
  }
}

/** Slots of the cache, and positions in each. */
function cacheSize(
  { layers, kvHeads, headDim, maxPositions }: ModelConfig,
  requests: ReadonlyArray<GenerateRequest>,
  { maxNewTokens, maxRunning }: { maxNewTokens: number; maxRunning: number },
): { slots: number; capacity: number } {
  const longest = requests.reduce((most, { promptIds }) => Math.max(most, promptIds.length), 0);
  const capacity = Math.min(maxPositions, longest + maxNewTokens);
  const fitting = Math.floor(MOST_CACHE_BYTES / (2 * 4 * layers * kvHeads * headDim * capacity));
  return { slots: Math.max(1, Math.min(maxRunning, requests.length, fitting)), capacity };
}

/** A sequence on its way: what was drawn so far, and its random numbers. */
interface Sequence {
  promptIds: ReadonlyArray<number>;
  reply: Generated;
  draw: () => number;
}

/**
 * Fills the slots of sequences that enter with all of their prompts but the last token, which the first step takes in: the
 * siblings of one prompt differ only from there on.
 */
function begin(decoder: Decoder, entries: ReadonlyArray<Entry>, sequences: ReadonlyArray<Sequence>): void {
  const idsOf = ({ index }: Entry) => sequences[index]?.promptIds.slice(0, -1) ?? [];
  const computed = entries.filter((entry) => entry.source === null && idsOf(entry).length > 0);
  if (computed.length > 0) decoder.begin(computed.map((entry) => ({ slot: entry.slot, ids: idsOf(entry) })));
  for (const entry of entries) {
    const { slot, source } = entry;
    if (source !== null && source !== slot) decoder.copy(source, slot, idsOf(entry).length);
  }
}

/**
 * Generates a reply to each request, in the order of the requests.
 * A reply stops at a stop token, after `maxNewTokens`, or where the model's context ends.
 * @throws too-long, bad-input for a prompt that does not fit; not-finite; interrupted where the signal is aborted.
 */
export async function generate(
  model: Model,
  requests: ReadonlyArray<GenerateRequest>,
  { sampling, stopIds, maxRunning = MAX_RUNNING, onToken, onReply, onStep, signal }: GenerateOptions,
): Promise<Generated[]> {
  checkLengths(model, requests);
  if (requests.length === 0) return [];
  const { maxNewTokens } = sampling;
  const { maxPositions } = model.config;
  const sequences = requests.map(({ promptIds, seed }): Sequence => {
    const random = randomFrom(seed);
    const reply: Generated = { tokenIds: [], logProbs: [], entropy: [], finishReason: 'length' };
    return { promptIds, reply, draw: () => random.uniform() };
  });
  const size = cacheSize(model.config, requests, { maxNewTokens, maxRunning });
  const schedule = new Schedule(
    requests.map(({ promptIds }) => promptIds),
    size.slots,
  );
  const decoder = openDecoder(model, size);
  try {
    while (schedule.unfinished > 0) {
      await nextTurnUnlessStopped(signal, 'Generation');
      begin(decoder, schedule.enter(), sequences);
      const running = [...schedule.running].map(([index, slot]) => {
        const sequence = sequences[index] as Sequence;
        const { promptIds, reply } = sequence;
        const position = promptIds.length + reply.tokenIds.length - 1;
        return { index, sequence, row: { slot, position, token: reply.tokenIds.at(-1) ?? promptIds.at(-1) ?? 0 } };
      });
      const drawn = await decoder.draw(
        running.map(({ row }) => row),
        running.map(({ sequence }) => sequence.draw()),
        sampling,
      );
      for (const [i, { index, sequence }] of running.entries()) {
        const token = drawn.tokens[i] ?? -1;
        if (token < 0) throw notFinite();
        const { promptIds, reply } = sequence;
        reply.tokenIds.push(token);
        reply.logProbs.push(drawn.logProbs[i] ?? Number.NaN);
        reply.entropy.push(drawn.entropy[i] ?? Number.NaN);
        const length = reply.tokenIds.length;
        const isEnded = onToken?.(index, token, drawn.logProbs[i] ?? Number.NaN) ?? false;
        if (isEnded || stopIds.includes(token)) reply.finishReason = 'stop';
        else if (length < maxNewTokens && promptIds.length + length < maxPositions) continue;
        schedule.end(index);
        await onReply?.(reply, index);
      }
      onStep?.(schedule.unfinished);
    }
  } finally {
    decoder.dispose();
  }
  return sequences.map(({ reply }) => reply);
}

const notFinite = () =>
  new FourfoldError(
    'not-finite',
    'Expected finite logits, got infinite ones or NaN: the weights of the model are broken. Use an earlier checkpoint.',
  );
