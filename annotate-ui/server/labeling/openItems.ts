// Which item comes next, shared by all annotators: lists of open items by rank, each only ever appended to, and one
// cursor a list and annotator. An entry that a cursor has passed never concerns that annotator again (the item was
// closed, moved, or is theirs already; whatever changes is appended anew), so all requests of one annotator together
// look at each entry once: constant time a request on the average, whatever the number of items.
import type { AnnotatorId } from '../../../src/core/ids.ts';

/** Ranks of open items, first served first. */
export const RANKS = ['disputed', 'close-and-started', 'started', 'close', 'fresh'] as const;
export type Rank = (typeof RANKS)[number];

interface List {
  items: number[];
  /** The item's stamp when it was appended: an entry with another stamp than the item's own is out of date. */
  stamps: number[];
}

const COMPACT_ABOVE = 4096;

export class OpenItems {
  readonly #lists: List[] = RANKS.map(() => ({ items: [], stamps: [] }));
  readonly #stampOf: Int32Array;
  /** Place in RANKS, or -1 where the item is closed. */
  readonly #rankOf: Int8Array;
  readonly #cursors = new Map<AnnotatorId, Int32Array>();
  #openCount = 0;

  /** @param size number of items; all are closed at first */
  constructor(size: number) {
    this.#stampOf = new Int32Array(size);
    this.#rankOf = new Int8Array(size).fill(-1);
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** Opens the item at the end of its rank's list; one that is open in that rank keeps its place unless `anew`. */
  open(index: number, rank: Rank, anew = false): void {
    const place = RANKS.indexOf(rank);
    const before = this.#rankOf[index] ?? -1;
    if (before === place && !anew) return;
    if (before < 0) this.#openCount++;
    this.#rankOf[index] = place;
    const stamp = (this.#stampOf[index] ?? 0) + 1;
    this.#stampOf[index] = stamp;
    const list = this.#lists[place];
    list?.items.push(index);
    list?.stamps.push(stamp);
    this.#compact();
  }

  close(index: number): void {
    if ((this.#rankOf[index] ?? -1) < 0) return;
    this.#openCount--;
    this.#rankOf[index] = -1;
    this.#stampOf[index] = (this.#stampOf[index] ?? 0) + 1;
  }

  /**
   * The first open item for the annotator, or null.
   * @param isTheirs true for items that are done by or with this annotator; once true it stays so until `open(…, true)`
   * @param isHeldBack true for items that are passed over this time only
   */
  next(
    annotatorId: AnnotatorId,
    isTheirs: (index: number) => boolean,
    isHeldBack: (index: number) => boolean,
  ): number | null {
    let cursors = this.#cursors.get(annotatorId);
    if (cursors === undefined) {
      cursors = new Int32Array(RANKS.length);
      this.#cursors.set(annotatorId, cursors);
    }
    for (const [place, list] of this.#lists.entries()) {
      let isPrefix = true;
      for (let at = cursors[place] ?? 0; at < list.items.length; at++) {
        const index = list.items[at] ?? 0;
        const isLive = this.#stampOf[index] === list.stamps[at];
        if (isLive && !isTheirs(index)) {
          if (!isHeldBack(index)) return index;
          isPrefix = false;
        } else if (isPrefix) {
          cursors[place] = at + 1;
        }
      }
    }
    return null;
  }

  /** Drops entries that are out of date once they are most of them; everyone looks through the rest again. */
  #compact(): void {
    const entries = this.#lists.reduce((sum, { items }) => sum + items.length, 0);
    if (entries < COMPACT_ABOVE || entries < 4 * this.#openCount) return;
    for (const list of this.#lists) {
      const live = [...list.items.keys()].filter((at) => this.#stampOf[list.items[at] ?? 0] === list.stamps[at]);
      list.items = live.map((at) => list.items[at] ?? 0);
      list.stamps = live.map((at) => list.stamps[at] ?? 0);
    }
    this.#cursors.clear();
  }
}
