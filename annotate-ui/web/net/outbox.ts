// Judgements on their way to the server. Each is kept in the browser until the server has confirmed it, and sent
// again after a failure that passes; the server writes a repeated one only once.
import type { JudgementReply, JudgementRequest } from '../../../src/core/annotationApi.ts';
import { ApiError } from './call.ts';
import { type KeyValueStore, readJson } from './storage.ts';

export type OutboxState = 'idle' | 'sending' | 'waiting';

export interface OutboxOptions {
  store: KeyValueStore;
  /** Begins the keys of this annotator's and this set's entries. */
  prefix: string;
  send(itemId: string, body: JudgementRequest): Promise<JudgementReply>;
  onState(state: OutboxState, pending: number): void;
  onSaved(reply: JudgementReply, itemId: string): void;
  /** The server will not take it as it is; it is no longer pending. What it said is kept as the item's draft. */
  onRefused(itemId: string, body: JudgementRequest, error: ApiError): void;
  onSignedOut(): void;
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

export class Outbox {
  readonly #options: OutboxOptions;
  #isSending = false;
  #isStopped = false;
  #retryMs = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  #key(itemId: string): string {
    return `${this.#options.prefix}${itemId}`;
  }

  /** Ids of the items whose judgements are not confirmed yet. */
  pending(): string[] {
    const { store, prefix } = this.#options;
    return store
      .keys(prefix)
      .map((key) => key.slice(prefix.length))
      .sort();
  }

  /** Takes a judgement; it survives a reload from here on. A later one of the same item replaces it. */
  put(itemId: string, body: JudgementRequest): void {
    this.#options.store.set(this.#key(itemId), JSON.stringify(body));
    this.flush();
  }

  /** Sends what is pending, now. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#isSending || this.#isStopped) return;
    this.#isSending = true;
    let state: OutboxState = 'idle';
    try {
      for (let itemId = this.pending()[0]; itemId !== undefined && !this.#isStopped; itemId = this.pending()[0]) {
        this.#tell('sending');
        const outcome = await this.#sendOne(itemId);
        if (outcome === 'sent') continue;
        state = 'waiting';
        if (outcome === 'later') this.#scheduleRetry();
        break;
      }
    } finally {
      this.#isSending = false;
    }
    this.#tell(state);
  }

  #tell(state: OutboxState): void {
    if (!this.#isStopped) this.#options.onState(state, this.pending().length);
  }

  async #sendOne(itemId: string): Promise<'sent' | 'later' | 'signed-out'> {
    const { store, send, onSaved, onRefused, onSignedOut } = this.#options;
    const key = this.#key(itemId);
    const text = store.get(key);
    const body = readJson<JudgementRequest>(store, key);
    if (body === null) return 'sent';
    // What replaced it meanwhile stays, and is sent in its turn.
    const drop = () => {
      if (store.get(key) === text) store.remove(key);
    };
    try {
      const reply = await send(itemId, body);
      drop();
      this.#retryMs = FIRST_RETRY_MS;
      onSaved(reply, itemId);
      return 'sent';
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        onSignedOut();
        return 'signed-out';
      }
      if (!(error instanceof ApiError) || error.isPassing) return 'later';
      drop();
      onRefused(itemId, body, error);
      return 'sent';
    }
  }

  #scheduleRetry(): void {
    this.#timer = setTimeout(() => this.flush(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }
}
