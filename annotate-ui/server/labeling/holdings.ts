// What each annotator has in hand: items leased for a time, and drafts of answers. A lease that has run out is
// remembered until the item is judged or given back, so that an answer that comes late is known to be theirs.
import type { AnnotatorId, ItemId } from '../../../src/core/ids.ts';
import type { WorkEvent, WorkLog } from './workLog.ts';

export interface Holding {
  annotatorId: AnnotatorId;
  itemId: ItemId;
  /** End of the lease, in milliseconds since 1970; 0 where there never was one, only a draft. */
  until: number;
  /** Whether it takes a place among the item's raters now. */
  isLeased: boolean;
  draft: WorkDraft;
}
export type WorkDraft = Extract<WorkEvent, { kind: 'draft' }>['draft'];

const keyOf = (annotatorId: AnnotatorId, itemId: ItemId) => `${annotatorId}/${itemId}`;

export class Holdings {
  readonly #log: WorkLog;
  readonly #byKey = new Map<string, Holding>();
  readonly #leasesOf = new Map<ItemId, number>();
  readonly #byAnnotator = new Map<AnnotatorId, Map<ItemId, Holding>>();

  constructor(log: WorkLog) {
    this.#log = log;
    log.onCompact(() => this.#events());
    for (const event of log.found) {
      if (event.kind === 'end') continue;
      const holding = this.#of(event.annotatorId, event.itemId);
      if (event.kind === 'draft') holding.draft = event.draft;
      else this.#mark(holding, event.until);
    }
  }

  get(annotatorId: AnnotatorId, itemId: ItemId): Holding | null {
    return this.#byKey.get(keyOf(annotatorId, itemId)) ?? null;
  }

  /** Oldest first. */
  of(annotatorId: AnnotatorId): Iterable<Holding> {
    return this.#byAnnotator.get(annotatorId)?.values() ?? [];
  }

  all(): Iterable<Holding> {
    return this.#byKey.values();
  }

  /** Leases the item, at once in memory; the promise is that of the disk. */
  lease(annotatorId: AnnotatorId, itemId: ItemId, until: number): Promise<void> {
    this.#mark(this.#of(annotatorId, itemId), until);
    return this.#log.append({ kind: 'lease', annotatorId, itemId, until });
  }

  /** Keeps an answer that is not submitted yet; null forgets it. */
  draft(annotatorId: AnnotatorId, itemId: ItemId, draft: WorkDraft): Promise<void> {
    this.#of(annotatorId, itemId).draft = draft;
    return this.#log.append({ kind: 'draft', annotatorId, itemId, draft });
  }

  /** The lease has run out; the holding stays. */
  lapse(holding: Holding): void {
    if (!holding.isLeased) return;
    holding.isLeased = false;
    this.#count(holding.itemId, -1);
  }

  /** How many annotators have the item on lease. */
  leasesOf(itemId: ItemId): number {
    return this.#leasesOf.get(itemId) ?? 0;
  }

  /** Judged or given back. */
  end(annotatorId: AnnotatorId, itemId: ItemId): Promise<void> {
    const holding = this.#byKey.get(keyOf(annotatorId, itemId));
    if (holding === undefined) return Promise.resolve();
    this.lapse(holding);
    this.#byKey.delete(keyOf(annotatorId, itemId));
    this.#byAnnotator.get(annotatorId)?.delete(itemId);
    return this.#log.append({ kind: 'end', annotatorId, itemId });
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #mark(holding: Holding, until: number): void {
    if (!holding.isLeased) this.#count(holding.itemId, 1);
    holding.until = until;
    holding.isLeased = true;
  }

  #count(itemId: ItemId, step: number): void {
    const count = this.leasesOf(itemId) + step;
    if (count > 0) this.#leasesOf.set(itemId, count);
    else this.#leasesOf.delete(itemId);
  }

  #of(annotatorId: AnnotatorId, itemId: ItemId): Holding {
    const key = keyOf(annotatorId, itemId);
    let holding = this.#byKey.get(key);
    if (holding === undefined) {
      holding = { annotatorId, itemId, until: 0, isLeased: false, draft: null };
      this.#byKey.set(key, holding);
      const own = this.#byAnnotator.get(annotatorId) ?? new Map<ItemId, Holding>();
      this.#byAnnotator.set(annotatorId, own.set(itemId, holding));
    }
    return holding;
  }

  #events(): WorkEvent[] {
    return [...this.#byKey.values()].flatMap(({ annotatorId, itemId, until, draft }) => [
      ...(until === 0 ? [] : [{ kind: 'lease' as const, annotatorId, itemId, until }]),
      ...(draft === null ? [] : [{ kind: 'draft' as const, annotatorId, itemId, draft }]),
    ]);
  }
}
