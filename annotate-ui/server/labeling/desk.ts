// The labeling desk of one project: hands out items, takes answers, and holds both to the project's rules. It knows
// people by id and nothing of HTTP. What a rule decides is decided at once, in memory; then the record is written; only
// then is anyone told.
import type { Ask, Project } from '../../../src/core/annotation/project.ts';
import {
  type Feedback,
  isSameVerdict,
  type OwnProgress,
  type ParsedJudgement,
  type Standing,
  type VerdictBody,
} from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { type AnnotatorId, contentId, type ItemId } from '../../../src/core/ids.ts';
import type { Judgement } from '../../../src/core/records.ts';
import { Disputes } from './disputes.ts';
import { GoldItems } from './gold.ts';
import type { Holdings, WorkDraft } from './holdings.ts';
import type { JudgementBook } from './judgementBook.ts';
import { type LabelingItem, type LabelingSet, presentedOrder } from './labelingSet.ts';
import { guidelinesHash, type Members } from './members.ts';
import { QualificationRound } from './qualification.ts';
import { everyoneQueue, overlapQueue, type Queue } from './queue.ts';
import { askOf, checkAnswer } from './verdicts.ts';

export interface Worker {
  id: AnnotatorId;
  simulated: boolean;
}

export type Given =
  | { state: 'task'; item: LabelingItem; round: 'qualification' | 'work' }
  | { state: 'done' | 'wait' | 'paused' | 'not-qualified' };

export interface Submitted {
  judgementId: string;
  status: 'saved' | 'unchanged';
  feedback: Feedback | null;
}

/** What others may want to know of. */
export interface DeskEvents {
  /** An item has all its labels now. */
  onComplete(complete: number, total: number): void;
  onPaused(annotatorId: AnnotatorId, score: number): void;
}

export interface DeskOptions {
  project: Project;
  set: LabelingSet;
  book: JudgementBook;
  holdings: Holdings;
  members: Members;
  events?: Partial<DeskEvents>;
  /** Milliseconds since 1970. */
  clock?: () => number;
}

/** An annotator's client fetches ahead; more than this is no longer work in hand. */
const MOST_HELD = 50;
const SWEEP_MS = 1000;

export class LabelingDesk {
  readonly set: LabelingSet;
  readonly book: JudgementBook;
  readonly holdings: Holdings;
  readonly members: Members;
  readonly disputes: Disputes;
  readonly #events: Partial<DeskEvents>;
  readonly #clock: () => number;
  readonly #submitting = new Map<string, Promise<unknown>>();
  #project: Project;
  #queue: Queue;
  #gold: GoldItems;
  #round: QualificationRound;
  #sweptAt = 0;

  constructor({ project, set, book, holdings, members, events = {}, clock = Date.now }: DeskOptions) {
    this.set = set;
    this.book = book;
    this.holdings = holdings;
    this.members = members;
    this.disputes = new Disputes(set, book, (itemId) => this.#gold.has(itemId) || this.#round.has(itemId));
    this.#events = events;
    this.#clock = clock;
    this.#project = project;
    for (const holding of [...holdings.all()]) {
      if (book.entry(holding.annotatorId, holding.itemId) !== null)
        void holdings.end(holding.annotatorId, holding.itemId);
    }
    this.#gold = new GoldItems(project, this);
    this.#round = new QualificationRound(project, this);
    this.#queue = this.#build();
    this.#sweep();
  }

  get project(): Project {
    return this.#project;
  }

  get queue(): Queue {
    this.#sweep();
    return this.#queue;
  }

  /** Takes on changed settings; what was said and what is in hand stays. */
  change(project: Project): void {
    this.#project = project;
    this.#gold = new GoldItems(project, this);
    this.#round = new QualificationRound(project, this);
    this.#queue = this.#build();
  }

  standing(annotatorId: AnnotatorId): Standing {
    return this.members.standing(annotatorId, this.#project);
  }

  progress(annotatorId: AnnotatorId): OwnProgress {
    return {
      ...this.book.counts(annotatorId),
      total: this.#queue.items + this.#gold.count,
      remaining: this.#queue.remaining,
    };
  }

  /** @throws not-found. */
  requireItem(itemId: string): LabelingItem {
    const item = this.set.byId.get(itemId);
    if (item === undefined) throw new FourfoldError('not-found', `${itemId} is not an item of ${this.set.id}.`);
    return item;
  }

  get gold(): GoldItems {
    return this.#gold;
  }

  isQualificationItem(itemId: ItemId): boolean {
    return this.#round.has(itemId);
  }

  /** The item, where it is in the annotator's hands or was judged by them. @throws not-found, not-allowed. */
  ownItem(annotatorId: AnnotatorId, itemId: string): LabelingItem {
    const item = this.requireItem(itemId);
    const isOwn =
      this.book.entry(annotatorId, item.id) !== null ||
      this.holdings.get(annotatorId, item.id) !== null ||
      this.#isOpenToAll(annotatorId, item.id);
    if (!isOwn) throw notYours(item.id);
    return item;
  }

  /** The next item for the annotator; one in their hands first. */
  async next({ id }: Worker, exclude: ReadonlySet<string>): Promise<Given> {
    this.#sweep();
    const { qualification, paused } = this.standing(id);
    if (paused !== null) return { state: 'paused' };
    if (qualification?.state === 'failed') return { state: 'not-qualified' };
    if (qualification?.state === 'open') {
      const asked = this.#round.next(id, exclude);
      return asked === null ? { state: 'wait' } : { state: 'task', item: asked, round: 'qualification' };
    }
    await this.#renew(id, exclude);
    const inHand = [...this.holdings.of(id)].filter((holding) => holding.isLeased);
    const first = inHand.find(({ itemId }) => !exclude.has(itemId));
    const item = first === undefined ? null : (this.set.byId.get(first.itemId) ?? null);
    if (item !== null) return { state: 'task', item, round: 'work' };
    if (inHand.length >= MOST_HELD) return { state: 'wait' };
    const place = this.book.counts(id).done + Math.max(inHand.length, exclude.size);
    const found = this.#gold.draw(id, place, exclude) ?? this.#queue.next(id, exclude) ?? this.#gold.first(id, exclude);
    if (found === null) return { state: this.#queue.mayComeFree(id) ? 'wait' : 'done' };
    if (this.#project.overlap !== null) await this.#lease(id, found);
    return { state: 'task', item: found, round: 'work' };
  }

  /** Until when the item waits for the annotator (ISO), or null where it always does. */
  leaseExpiresAt(annotatorId: AnnotatorId, itemId: ItemId): string | null {
    const holding = this.holdings.get(annotatorId, itemId);
    return holding?.isLeased ? new Date(holding.until).toISOString() : null;
  }

  /** Keeps a draft and renews the lease. @throws not-found, not-allowed, storage-failed. */
  async saveDraft(annotatorId: AnnotatorId, itemId: string, draft: WorkDraft): Promise<void> {
    const item = this.ownItem(annotatorId, itemId);
    await this.holdings.draft(annotatorId, item.id, draft);
    if (this.holdings.get(annotatorId, item.id)?.isLeased) await this.#lease(annotatorId, item);
  }

  /** Gives an item back unjudged. @throws not-found, not-allowed. */
  async release(annotatorId: AnnotatorId, itemId: string): Promise<void> {
    const item = this.ownItem(annotatorId, itemId);
    const written = this.holdings.end(annotatorId, item.id);
    this.#queue.update(item, 'free');
    await written;
  }

  /** One annotator's answers to one item are taken one after the other, so two tabs cannot both be first. */
  async submit(who: Worker, itemId: string, request: ParsedJudgement): Promise<Submitted> {
    const item = this.requireItem(itemId);
    return this.#inTurn(who.id, item.id, () => this.#submit(who, item, request));
  }

  /** Takes back what the annotator said of the item, which is in their hands again. @throws not-found, conflict. */
  async undo(who: Worker, itemId: string): Promise<Judgement | null> {
    const item = this.requireItem(itemId);
    return this.#inTurn(who.id, item.id, async () => {
      const entry = this.book.entry(who.id, item.id);
      if (entry === null) {
        if (this.holdings.get(who.id, item.id) !== null) return null;
        throw new FourfoldError('not-found', `Expected a judgement of yours of ${item.id} to undo; there is none.`);
      }
      const before = this.book.judgementOf(entry);
      // The lease first: were it lost, another annotator could be given the item.
      const leased = this.#project.overlap === null ? null : this.#lease(who.id, item);
      await this.book.append({
        ...this.#record(who, item, { ratings: {}, comparison: { kind: 'missing', reason: 'taken back' } }),
        durationMs: null,
        withdrawn: true,
        ...(entry.isGold ? { role: 'gold' as const } : {}),
      });
      this.#queue.update(item, 'withdrawn');
      this.disputes.touch(item.id);
      await leased;
      return before;
    });
  }

  /** Puts down that the annotator has read the guidelines as they are now. @throws storage-failed. */
  async readGuidelines(annotatorId: AnnotatorId): Promise<void> {
    await this.members.append({
      kind: 'guidelines',
      annotatorId,
      at: this.#now(),
      hash: guidelinesHash(this.#project),
    });
  }

  /** Writes a lead's verdict, which counts over the raters'. @throws bad-input, not-found, storage-failed. */
  async adjudicate(lead: Worker, itemId: string, given: VerdictBody, submissionId?: string): Promise<void> {
    const item = this.requireItem(itemId);
    if (submissionId !== undefined && this.book.bySubmission(lead.id, item.id, submissionId) !== null) return;
    const ask = askOf(this.#project.ask, item);
    const isBare = Object.keys(given.ratings).length === 0 && given.comparison.kind !== 'skip';
    const isFull = given.ranking !== undefined || given.strength !== undefined || given.bothBad !== undefined;
    const plain = given.comparison.kind === 'none' ? 'none' : 'best';
    // A lead may decide just which reply is better, leave the ratings to the raters, and always say why.
    const rules: Ask = {
      ...ask,
      ratings: ask.ratings && !isBare,
      comparison: isFull ? ask.comparison : plain,
      comment: true,
    };
    const verdict = checkAnswer(item, given, { ask: rules, criteria: this.#project.criteria });
    await this.book.append({
      ...this.#record(lead, item, verdict),
      id: `adjudication-${contentId(this.set.id, item.id, lead.id, this.#now())}`,
      durationMs: null,
      role: 'adjudication',
      ...(submissionId === undefined ? {} : { submissionId }),
    });
  }

  async #submit(who: Worker, item: LabelingItem, request: ParsedJudgement): Promise<Submitted> {
    const { submissionId, durationMs, revise = false, ...given } = request;
    const earlier = submissionId === undefined ? null : this.book.bySubmission(who.id, item.id, submissionId);
    if (earlier !== null) return { judgementId: earlier, status: 'unchanged', feedback: null };
    if (this.#round.has(item.id)) return this.#round.answer(who.id, item, request, this.#now());
    const verdict = checkAnswer(item, given, { ask: askOf(this.#project.ask, item), criteria: this.#project.criteria });
    const entry = this.book.entry(who.id, item.id);
    if (entry !== null && isSameVerdict(this.book.judgementOf(entry), verdict)) {
      return { judgementId: entry.judgementId, status: 'unchanged', feedback: null };
    }
    if (entry !== null && !revise) {
      throw new FourfoldError(
        'conflict',
        `${item.id} was judged already, and otherwise. Send "revise": true to replace that judgement.`,
      );
    }
    const isLate = entry === null && this.#admit(who.id, item);
    const isGold = entry?.isGold ?? this.#gold.has(item.id);
    const judgement: Judgement = {
      ...this.#record(who, item, verdict),
      durationMs,
      ...(submissionId === undefined ? {} : { submissionId }),
      ...(isGold ? { role: 'gold' as const } : {}),
      ...(isLate ? { late: true as const } : {}),
    };
    await this.book.append(judgement);
    // The record is what counts; that the item is no longer in hand follows from it after a restart.
    void this.holdings.end(who.id, item.id).catch(() => undefined);
    const wasComplete = this.#queue.isComplete(item);
    this.#queue.update(item, 'judged');
    this.disputes.touch(item.id);
    if (!wasComplete && this.#queue.isComplete(item))
      this.#events.onComplete?.(this.#queue.complete, this.#queue.items);
    if (isGold) await this.#checkGold(who.id);
    return { judgementId: judgement.id, status: 'saved', feedback: null };
  }

  /**
   * Whether the annotator may answer the item.
   * @returns whether the answer comes late: after the lease had run out.
   * @throws not-allowed.
   */
  #admit(annotatorId: AnnotatorId, item: LabelingItem): boolean {
    if (!this.members.isQualified(annotatorId, this.#project)) {
      throw new FourfoldError('not-allowed', 'Expected the qualification round to be passed before other items.');
    }
    const holding = this.holdings.get(annotatorId, item.id);
    if (this.#isOpenToAll(annotatorId, item.id)) return false;
    if (holding === null) throw notYours(item.id);
    return !holding.isLeased;
  }

  #isOpenToAll(annotatorId: AnnotatorId, itemId: ItemId): boolean {
    if (this.#round.has(itemId)) return true;
    return this.#project.overlap === null && !this.members.isPaused(annotatorId);
  }

  async #checkGold(annotatorId: AnnotatorId): Promise<void> {
    const mean = this.members.isPaused(annotatorId) ? null : this.#gold.belowBar(annotatorId);
    if (mean === null) return;
    await this.members.append({ kind: 'pause', annotatorId, at: this.#now(), reason: 'gold', by: 'gold items' });
    this.#events.onPaused?.(annotatorId, mean);
  }

  #now(): string {
    return new Date(this.#clock()).toISOString();
  }

  #record(who: Worker, item: LabelingItem, verdict: Pick<Judgement, 'ratings' | 'comparison'>) {
    const version = this.book.nextVersion(who.id, item.id);
    const id = `human-${contentId(this.set.id, who.id, item.id)}`;
    return {
      id: version === 1 ? id : `${id}-r${version}`,
      candidateSetId: this.set.id,
      itemId: item.id,
      promptId: item.promptId,
      source: { kind: 'human' as const, annotatorId: who.id, simulated: who.simulated },
      presented: presentedOrder(who.id, item),
      ...verdict,
      createdAt: this.#now(),
      ...(this.#isDefault() ? {} : { projectId: this.#project.id }),
    };
  }

  #isDefault(): boolean {
    return this.#project.id === `default-${this.set.id}`;
  }

  #until(): number {
    return this.#clock() + this.#project.leaseMinutes * 60_000;
  }

  #lease(annotatorId: AnnotatorId, item: LabelingItem): Promise<void> {
    const written = this.holdings.lease(annotatorId, item.id, this.#until());
    this.#queue.update(item, 'leased');
    return written;
  }

  /** What the client says that it holds stays leased, or is leased again where nobody else needs it. */
  async #renew(annotatorId: AnnotatorId, held: ReadonlySet<string>): Promise<void> {
    if (this.#project.overlap === null) return;
    const halfway = this.#clock() + this.#project.leaseMinutes * 30_000;
    const renewed: Array<Promise<void>> = [];
    for (const holding of this.holdings.of(annotatorId)) {
      const item = this.set.byId.get(holding.itemId);
      if (item === undefined || !held.has(holding.itemId) || holding.until === 0) continue;
      const mayRenew = holding.isLeased ? holding.until < halfway : this.#hasPlace(item);
      if (mayRenew) renewed.push(this.#lease(annotatorId, item));
    }
    await Promise.all(renewed);
  }

  #hasPlace(item: LabelingItem): boolean {
    const given = this.book.ofItem(item.id).filter(({ isSkip }) => !isSkip).length;
    return given + this.holdings.leasesOf(item.id) < (this.#project.overlap ?? Number.POSITIVE_INFINITY);
  }

  /** Leases that have run out give their place free; looked at once a second at most. */
  #sweep(): void {
    const now = this.#clock();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const holding of this.holdings.all()) {
      if (!holding.isLeased || holding.until > now) continue;
      if (this.#submitting.has(`${holding.annotatorId}/${holding.itemId}`)) continue;
      this.holdings.lapse(holding);
      const item = this.set.byId.get(holding.itemId);
      if (item !== undefined) this.#queue.update(item, 'free');
    }
  }

  async #inTurn<T>(annotatorId: AnnotatorId, itemId: ItemId, work: () => Promise<T>): Promise<T> {
    const key = `${annotatorId}/${itemId}`;
    const before = this.#submitting.get(key) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(work);
    this.#submitting.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#submitting.get(key) === mine) this.#submitting.delete(key);
    }
  }

  #build(): Queue {
    const { gold, qualification, overlap } = this.#project;
    const setApart = new Set([...(gold?.items ?? []), ...(qualification?.items ?? [])].map(({ itemId }) => itemId));
    const options = { set: this.set, book: this.book, holdings: this.holdings, setApart };
    return overlap === null ? everyoneQueue(options) : overlapQueue({ ...options, overlap });
  }
}

const notYours = (itemId: string) =>
  new FourfoldError('not-allowed', `${itemId} is not with you. Ask for the next item instead.`);
