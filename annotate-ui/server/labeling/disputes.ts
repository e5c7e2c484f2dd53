// The items on which raters are apart, kept up to date as answers come in: only items that changed are looked at again.
import type { ItemId } from '../../../src/core/ids.ts';
import { DISPUTE_FROM, type Disagreement, disagreementOf } from './disagreement.ts';
import type { JudgementBook } from './judgementBook.ts';
import type { LabelingItem, LabelingSet } from './labelingSet.ts';

export interface Dispute extends Disagreement {
  item: LabelingItem;
  raters: number;
}

export class Disputes {
  readonly #book: JudgementBook;
  readonly #set: LabelingSet;
  readonly #isKnown: (itemId: ItemId) => boolean;
  readonly #found = new Map<ItemId, Dispute>();
  readonly #changed = new Set<ItemId>();

  /** @param isKnown whether an item's answer is known: then raters are not in dispute on it, some are wrong */
  constructor(set: LabelingSet, book: JudgementBook, isKnown: (itemId: ItemId) => boolean) {
    this.#isKnown = isKnown;
    this.#set = set;
    this.#book = book;
    for (const { id } of set.items) if (book.ofItem(id).length >= 2) this.#changed.add(id);
    this.#refresh();
  }

  /** The item's answers have changed. */
  touch(itemId: ItemId): void {
    this.#changed.add(itemId);
  }

  /** Widest apart first. */
  list(): Dispute[] {
    this.#refresh();
    return [...this.#found.values()]
      .filter(({ item }) => !this.#isKnown(item.id))
      .sort((a, b) => b.value - a.value || a.item.index - b.item.index);
  }

  #refresh(): void {
    for (const itemId of this.#changed) {
      const item = this.#set.byId.get(itemId);
      const given = this.#book.ofItem(itemId).filter(({ isSkip }) => !isSkip);
      this.#found.delete(itemId);
      if (item === undefined || given.length < 2) continue;
      const disagreement = disagreementOf(given.map(this.#book.judgementOf));
      if (disagreement.value < DISPUTE_FROM) continue;
      this.#found.set(itemId, { ...disagreement, item, raters: given.length });
    }
    this.#changed.clear();
  }
}
