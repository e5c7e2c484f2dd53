// The work of one annotator: the item shown, its draft, what comes next, what is still to be sent. It knows nothing of
// rendering; whoever shows it subscribes. Every change is kept in the browser at once, and on the server soon after.
import type {
  Feedback,
  JudgementReply,
  JudgementRequest,
  NextReply,
  OwnProgress,
  Standing,
  Task,
} from '../../../src/core/annotationApi.ts';
import type { api } from '../net/api.ts';
import { ApiError } from '../net/call.ts';
import { Outbox, type OutboxState } from '../net/outbox.ts';
import { type KeyValueStore, readJson } from '../net/storage.ts';
import { ActiveClock } from './activeClock.ts';
import type { Draft } from './draft.ts';
import { draftFrom, draftToBegin } from './request.ts';

/** An item on the screen. */
export interface Shown {
  task: Task;
  draft: Draft;
  /** The annotator went back to an item that was submitted before. */
  isRevision: boolean;
}

/** An answer of the practice round, and what was right. */
export interface Told {
  task: Task;
  draft: Draft;
  feedback: Feedback;
}

/** `checking`: an answer of the practice round is on its way; `offline`: nothing to show until the server answers. */
export type Phase = 'loading' | 'task' | 'checking' | 'told' | 'offline' | Exclude<NextReply['state'], 'task'>;

export interface WorkState {
  phase: Phase;
  shown: Shown | null;
  told: Told | null;
  progress: OwnProgress;
  standing: Standing;
  outbox: { state: OutboxState; pending: number };
  /** What the server said of a judgement that it refused, or null. */
  refusal: ApiError | null;
  /** What was submitted last and can be gone back to. */
  last: Shown | null;
}

export interface WorkDeskOptions {
  api: Pick<typeof api, 'next' | 'judge' | 'saveDraft' | 'release'>;
  store: KeyValueStore;
  /** Begins the keys of this annotator's and this project's entries. */
  prefix: string;
  standing: Standing;
  now(): number;
  onState(state: WorkState): void;
  onSessionEnded(): void;
}

const AHEAD = 2;
const DRAFT_DELAY_MS = 1500;

export class WorkDesk {
  readonly #options: WorkDeskOptions;
  readonly #outbox: Outbox;
  #state: WorkState;
  #upcoming: Task[] = [];
  #clock: ActiveClock;
  #isFetching = false;
  #isGone = false;
  #draftTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: WorkDeskOptions) {
    this.#options = options;
    this.#clock = new ActiveClock(0, options.now());
    const { store, prefix } = options;
    this.#state = {
      phase: 'loading',
      shown: null,
      told: null,
      progress: { done: 0, skipped: 0, total: 0, remaining: null },
      standing: options.standing,
      outbox: { state: 'idle', pending: 0 },
      refusal: null,
      last: readJson<Shown>(store, `${prefix}/last`),
    };
    this.#outbox = new Outbox({
      store,
      prefix: `${prefix}/out/`,
      send: options.api.judge,
      onState: (state, pending) => this.#set({ outbox: { state, pending } }),
      onSaved: (reply, itemId) => this.#onSaved(reply, itemId),
      onRefused: (itemId, _body, error) => this.#onRefused(itemId, error),
      onSignedOut: options.onSessionEnded,
    });
  }

  get state(): WorkState {
    return this.#state;
  }

  /** Sends what is pending and fetches what is next; to be called at the start and when the connection is back. */
  wake(): void {
    this.#outbox.flush();
    void this.#fetchAhead();
  }

  /** A sign of life, for the time spent on the item. */
  touch(): void {
    this.#clock.touch(this.#options.now());
  }

  /** The page is hidden or left: the time stops and the draft is kept with it. */
  rest(): void {
    this.#clock.pause(this.#options.now());
    const { shown } = this.#state;
    if (shown !== null && shown.draft.past.length > 0) this.#keepDraft(this.#timed(shown));
  }

  stop(): void {
    this.#isGone = true;
    this.#outbox.stop();
    if (this.#draftTimer !== null) clearTimeout(this.#draftTimer);
  }

  /** Gives back what was fetched and not shown, for others to take. */
  async release(): Promise<void> {
    const tasks = this.#upcoming.splice(0);
    await Promise.all(tasks.map(({ itemId }) => this.#options.api.release(itemId).catch(() => undefined)));
  }

  change(draft: Draft): void {
    const { shown } = this.#state;
    if (shown === null) return;
    const next = this.#timed({ ...shown, draft: { ...draft, changedAtMs: this.#options.now() } });
    this.#keepDraft(next);
    this.#set({ shown: next });
    this.#saveDraftSoon();
  }

  /** @returns false where `request` finds something missing */
  submit(request: (draft: Draft) => JudgementRequest | null): boolean {
    const { shown } = this.#state;
    const submitted = shown === null ? null : this.#timed(shown);
    const body = submitted === null ? null : request(submitted.draft);
    if (submitted === null || body === null) return false;
    const { store, prefix } = this.#options;
    const { itemId, round } = submitted.task;
    const isPractice = round === 'qualification';
    if (!isPractice) store.set(`${prefix}/last`, JSON.stringify(submitted));
    this.#cancelDraft();
    this.#set({ refusal: null, ...(isPractice ? {} : { last: submitted }) });
    // Kept until the server has confirmed the answer: should it be refused, nothing that was said is lost.
    store.set(this.#draftKey(itemId), JSON.stringify({ ...submitted.draft, past: [] }));
    this.#outbox.put(itemId, body);
    if (isPractice) this.#set({ phase: 'checking' });
    else this.#showNext();
    return true;
  }

  /** After what was told of a practice answer: on to the next. */
  goOn(): void {
    this.#set({ told: null });
    this.#showNext();
  }

  /** Back to the item that was submitted last. */
  goBack(): void {
    const { last, shown } = this.#state;
    if (last === null) return;
    if (shown !== null) {
      this.#keepDraft(shown);
      this.#upcoming.unshift(shown.task);
    }
    this.#options.store.remove(`${this.#options.prefix}/last`);
    this.#set({ last: null });
    this.#show({ ...last, isRevision: true });
  }

  dismissRefusal(): void {
    this.#set({ refusal: null });
  }

  #set(change: Partial<WorkState>): void {
    if (this.#isGone) return;
    this.#state = { ...this.#state, ...change };
    this.#options.onState(this.#state);
  }

  #draftKey(itemId: string): string {
    return `${this.#options.prefix}/draft/${itemId}`;
  }

  #timed(shown: Shown): Shown {
    return { ...shown, draft: { ...shown.draft, elapsedMs: this.#clock.readMs(this.#options.now()) } };
  }

  #keepDraft({ task, draft, isRevision }: Shown): void {
    // The draft of a revision begins with what was submitted, which a reload would take for a fresh answer.
    if (!isRevision) this.#options.store.set(this.#draftKey(task.itemId), JSON.stringify(draft));
  }

  #cancelDraft(): void {
    if (this.#draftTimer !== null) clearTimeout(this.#draftTimer);
    this.#draftTimer = null;
  }

  #saveDraftSoon(): void {
    this.#cancelDraft();
    this.#draftTimer = setTimeout(() => {
      this.#draftTimer = null;
      const { shown } = this.#state;
      if (shown === null || shown.isRevision) return;
      // The browser has it; the server's copy is for another browser, and renews the lease.
      this.#options.api.saveDraft(shown.task.itemId, { ...shown.draft, past: [] }).catch(() => undefined);
    }, DRAFT_DELAY_MS);
  }

  #show(shown: Shown): void {
    this.#clock = new ActiveClock(shown.draft.elapsedMs, this.#options.now());
    this.#set({ shown, phase: 'task' });
  }

  #showFresh(task: Task): void {
    const kept = draftFrom(readJson<unknown>(this.#options.store, this.#draftKey(task.itemId)));
    this.#show({ task, draft: draftToBegin(task, kept), isRevision: false });
  }

  #showNext(): void {
    const next = this.#upcoming.shift();
    this.#set({ shown: null });
    if (next === undefined) this.#set({ phase: 'loading' });
    else this.#showFresh(next);
    void this.#fetchAhead();
  }

  #held(): string[] {
    const shown = this.#state.shown === null ? [] : [this.#state.shown.task.itemId];
    return [...new Set([...shown, ...this.#upcoming.map((task) => task.itemId), ...this.#outbox.pending()])];
  }

  /** Fills what comes next; shows it at once when nothing is on the screen. */
  async #fetchAhead(): Promise<void> {
    if (this.#isFetching || this.#isGone) return;
    this.#isFetching = true;
    try {
      while (this.#wantsMore()) {
        const reply = await this.#options.api.next(this.#held());
        if (this.#isGone) return;
        this.#set({ progress: reply.progress, standing: reply.standing });
        if (reply.state !== 'task' || reply.task === null) {
          if (this.#state.shown === null) this.#set({ phase: reply.state === 'task' ? 'done' : reply.state });
          break;
        }
        if (this.#held().includes(reply.task.itemId)) continue;
        if (this.#state.shown === null) this.#showFresh(reply.task);
        else this.#upcoming.push(reply.task);
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#options.onSessionEnded();
      else if (this.#state.shown === null) this.#set({ phase: 'offline' });
    } finally {
      this.#isFetching = false;
    }
  }

  /** In the practice round each item comes after what was told of the one before. */
  #wantsMore(): boolean {
    const { shown, told } = this.#state;
    if (shown === null) return told === null;
    return shown.task.round === 'work' && this.#upcoming.length < AHEAD;
  }

  #onSaved(reply: JudgementReply, itemId: string): void {
    const { shown, phase } = this.#state;
    if (!this.#outbox.pending().includes(itemId)) this.#options.store.remove(this.#draftKey(itemId));
    this.#set({ progress: reply.progress, standing: reply.standing });
    if (phase !== 'checking' || shown?.task.itemId !== itemId) return;
    const { task, draft } = shown;
    if (reply.feedback === null) this.#showNext();
    else this.#set({ phase: 'told', told: { task, draft, feedback: reply.feedback }, shown: null });
  }

  #onRefused(itemId: string, error: ApiError): void {
    // Judged in another window: that answer stands. Else the draft waits for the item to come again, which it may now.
    if (error.status === 409) this.#options.store.remove(this.#draftKey(itemId));
    this.#set({ refusal: error });
    if (this.#state.phase === 'checking' && this.#state.shown?.task.itemId === itemId) this.#showNext();
    else void this.#fetchAhead();
  }
}
