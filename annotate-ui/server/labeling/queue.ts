// Which item an annotator is given next. Two ways: `everyone` gives each annotator every item in an order of their own;
// `overlap` gives each item to K distinct annotators, leased for a time, with priorities.
import type { AnnotatorId, ItemId } from '../../../src/core/ids.ts';
import { randomFrom, seedOf, shuffled } from '../../../src/core/random.ts';
import { DISPUTE_FROM, disagreementOf } from './disagreement.ts';
import type { Holdings } from './holdings.ts';
import type { JudgementBook } from './judgementBook.ts';
import { balancedOrder, type LabelingItem, type LabelingSet } from './labelingSet.ts';
import { OpenItems, type Rank } from './openItems.ts';

export interface Queue {
  /** The next item that is neither done by the annotator nor with them nor among `exclude`; null where there is none now. */
  next(annotatorId: AnnotatorId, exclude: ReadonlySet<string>): LabelingItem | null;
  /** Whether something may come free that the annotator has not judged: it is with others now. */
  mayComeFree(annotatorId: AnnotatorId): boolean;
  /** Labels that the items still lack; null where no number is asked for. */
  readonly remaining: number | null;
  /** Items with all labels, and with some. */
  readonly complete: number;
  readonly started: number;
  isComplete(item: LabelingItem): boolean;
  /** The item's judgements or leases have changed. */
  update(item: LabelingItem, change: 'judged' | 'withdrawn' | 'leased' | 'free'): void;
  /** How many items there are to judge: all but those with known answers. */
  readonly items: number;
}

interface QueueOptions {
  set: LabelingSet;
  book: JudgementBook;
  holdings: Holdings;
  /** Items with known answers, which are given out otherwise. */
  setApart: ReadonlySet<ItemId>;
}

/** An item that so many could not judge is asked of nobody else. */
const SKIPS_ENOUGH = 3;

export function overlapQueue({ set, book, holdings, setApart, overlap }: QueueOptions & { overlap: number }): Queue {
  const open = new OpenItems(set.items.length);
  const ordered = balancedOrder(
    set.items.filter((item) => !setApart.has(item.id)),
    seedOf('queue', set.id),
  );
  const labels = new Int32Array(set.items.length);
  const isFull = new Uint8Array(set.items.length);
  let remaining = 0;
  let complete = 0;
  let started = 0;

  const rankOf = (item: LabelingItem, given: number): Rank => {
    if (given >= 2 && disagreementOf(saidOf(item)).value >= DISPUTE_FROM) return 'disputed';
    if (given > 0) return book.isClose(item.id) ? 'close-and-started' : 'started';
    return book.isClose(item.id) ? 'close' : 'fresh';
  };
  const saidOf = (item: LabelingItem) =>
    book
      .ofItem(item.id)
      .filter(({ isSkip }) => !isSkip)
      .map(book.judgementOf);

  const count = (item: LabelingItem, step: 1 | -1) => {
    const given = labels[item.index] ?? 0;
    const full = isFull[item.index] === 1;
    remaining += full ? 0 : step * (overlap - given);
    complete += full ? step : 0;
    started += !full && given > 0 ? step : 0;
  };
  const update: Queue['update'] = (item, change) => {
    if (setApart.has(item.id)) return;
    count(item, -1);
    const entries = book.ofItem(item.id);
    const skips = entries.filter(({ isSkip }) => isSkip).length;
    const given = entries.length - skips;
    const held = holdings.leasesOf(item.id);
    labels[item.index] = given;
    isFull[item.index] = given >= overlap || skips >= SKIPS_ENOUGH ? 1 : 0;
    count(item, 1);
    if (isFull[item.index] === 1 || given + held >= overlap) open.close(item.index);
    else open.open(item.index, rankOf(item, given), change === 'free');
  };
  for (const item of ordered) {
    remaining += overlap;
    update(item, 'judged');
  }
  const isTheirs = (annotatorId: AnnotatorId, item: LabelingItem) =>
    book.entry(annotatorId, item.id) !== null || (holdings.get(annotatorId, item.id)?.isLeased ?? false);
  const at = (index: number) => set.items[index] as LabelingItem;
  return {
    next(annotatorId, exclude) {
      const index = open.next(
        annotatorId,
        (place) => isTheirs(annotatorId, at(place)),
        (place) => exclude.has(at(place).id),
      );
      return index === null ? null : at(index);
    },
    mayComeFree(annotatorId) {
      for (const holding of holdings.all()) {
        if (!holding.isLeased || holding.annotatorId === annotatorId || setApart.has(holding.itemId)) continue;
        const item = set.byId.get(holding.itemId);
        if (item !== undefined && isFull[item.index] === 0 && !isTheirs(annotatorId, item)) return true;
      }
      return false;
    },
    get remaining() {
      return remaining;
    },
    get complete() {
      return complete;
    },
    get started() {
      return started;
    },
    isComplete: (item) => isFull[item.index] === 1,
    update,
    items: ordered.length,
  };
}

export function everyoneQueue({ set, book, setApart }: QueueOptions): Queue {
  const items = set.items.filter((item) => !setApart.has(item.id));
  const lines = new Map<AnnotatorId, LabelingItem[]>();
  const cursors = new Map<AnnotatorId, number>();
  const lineOf = (annotatorId: AnnotatorId) => {
    let line = lines.get(annotatorId);
    if (line === undefined) {
      line = shuffled(items, randomFrom(seedOf('item order', set.id, annotatorId)));
      lines.set(annotatorId, line);
    }
    return line;
  };
  const judged = new Set<ItemId>();
  const update: Queue['update'] = (item, change) => {
    if (setApart.has(item.id)) return;
    if (book.ofItem(item.id).length > 0) judged.add(item.id);
    else judged.delete(item.id);
    // What was taken back lies before the cursors.
    if (change === 'withdrawn') cursors.clear();
  };
  for (const item of items) if (book.ofItem(item.id).length > 0) judged.add(item.id);
  return {
    next(annotatorId, exclude) {
      const line = lineOf(annotatorId);
      const isDone = (item: LabelingItem) => book.entry(annotatorId, item.id) !== null;
      let first = cursors.get(annotatorId) ?? 0;
      while (first < line.length && isDone(line[first] as LabelingItem)) first++;
      cursors.set(annotatorId, first);
      for (let i = first; i < line.length; i++) {
        const item = line[i] as LabelingItem;
        if (!exclude.has(item.id) && !isDone(item)) return item;
      }
      return null;
    },
    mayComeFree: () => false,
    remaining: null,
    get complete() {
      return judged.size;
    },
    started: 0,
    isComplete: (item) => judged.has(item.id),
    update,
    items: items.length,
  };
}
