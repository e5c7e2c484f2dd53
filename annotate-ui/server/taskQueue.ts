// Which item an annotator sees next, and in which order they see its candidates: both drawn per annotator from a
// seed, so that annotators do not all start with the same item, and a restart changes nothing.
import type { AnnotatorId, CandidateId, ItemId } from '../../src/core/ids.ts';
import { randomFrom, seedOf, shuffled } from '../../src/core/random.ts';
import type { LabelingItem, LabelingSet } from './candidateSet.ts';

export interface TaskQueue {
  /** The first item in the annotator's order that is neither done nor among `exclude`, or null. */
  next(annotatorId: AnnotatorId, exclude: ReadonlySet<string>): LabelingItem | null;
  item(itemId: string): LabelingItem | null;
  readonly total: number;
}

/** The order in which an annotator sees the item's candidates. */
export function presentedOrder(annotatorId: AnnotatorId, item: LabelingItem): CandidateId[] {
  return shuffled(item.candidateIds, randomFrom(seedOf(annotatorId, item.id)));
}

/** @param isDone whether the annotator has judged or skipped the item; once true, it stays true */
export function taskQueue(set: LabelingSet, isDone: (annotatorId: AnnotatorId, itemId: ItemId) => boolean): TaskQueue {
  const byId = new Map<string, LabelingItem>(set.items.map((item) => [item.id, item]));
  const lines = new Map<AnnotatorId, { order: LabelingItem[]; firstOpen: number }>();
  const lineOf = (annotatorId: AnnotatorId) => {
    let line = lines.get(annotatorId);
    if (line === undefined) {
      line = { order: shuffled(set.items, randomFrom(seedOf('item order', set.id, annotatorId))), firstOpen: 0 };
      lines.set(annotatorId, line);
    }
    return line;
  };
  return {
    total: set.items.length,
    item: (itemId) => byId.get(itemId) ?? null,
    next(annotatorId, exclude) {
      const line = lineOf(annotatorId);
      // What is done stays done, so the walk never starts over.
      for (; line.firstOpen < line.order.length; line.firstOpen++) {
        const item = line.order[line.firstOpen];
        if (item !== undefined && !isDone(annotatorId, item.id)) break;
      }
      for (let i = line.firstOpen; i < line.order.length; i++) {
        const item = line.order[i];
        if (item !== undefined && !exclude.has(item.id) && !isDone(annotatorId, item.id)) return item;
      }
      return null;
    },
  };
}
