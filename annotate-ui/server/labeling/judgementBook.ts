// Human judgements of one candidate set: held in memory, written to the log before they are confirmed. The book knows
// what was said and by whom; what is asked, and who may say it, is the desk's.

import type { AnnotatorId, ItemId } from '../../../src/core/ids.ts';
import { latestJudgements } from '../../../src/core/judgements.ts';
import type { Judgement } from '../../../src/core/records.ts';
import type { JsonlLog } from '../../../src/store/jsonlLog.ts';
import type { Workspace } from '../../../src/store/workspace.ts';
import { isCloseFor } from './disagreement.ts';
import type { LabelingSet } from './labelingSet.ts';

/** What one annotator has said of one item. */
export interface Entry {
  annotatorId: AnnotatorId;
  itemId: ItemId;
  judgementId: string;
  /** How many records there are of it, withdrawals included. */
  versions: number;
  isSkip: boolean;
  isGold: boolean;
  /** Taken back: the annotator has said nothing as it stands. */
  isWithdrawn: boolean;
  /** Milliseconds since 1970. */
  at: number;
  /** The record itself, as JSON: many thousands of them take little room so. */
  line: string;
}

export interface Counts {
  done: number;
  skipped: number;
}

export interface JudgementBook {
  /** What the annotator says of the item as it stands, or null. */
  entry(annotatorId: AnnotatorId, itemId: ItemId): Entry | null;
  /** The number of the next record of the annotator and item, from 1. */
  nextVersion(annotatorId: AnnotatorId, itemId: ItemId): number;
  judgementOf(entry: Entry): Judgement;
  counts(annotatorId: AnnotatorId): Counts;
  /** Standing entries of an item. */
  ofItem(itemId: ItemId): ReadonlyArray<Entry>;
  /** An annotator's standing entries, in the order in which they were first given. */
  ofAnnotator(annotatorId: AnnotatorId): Iterable<Entry>;
  annotators(): Iterable<AnnotatorId>;
  adjudication(itemId: ItemId): Judgement | null;
  readonly adjudications: number;
  /** Id of the judgement of that item that a submission became, or null. */
  bySubmission(annotatorId: AnnotatorId, itemId: ItemId, submissionId: string): string | null;
  /** Items that a judge found close when the book was opened. */
  isClose(itemId: ItemId): boolean;
  /** Records of people so far: grows with everything that could change a figure. */
  readonly length: number;
  /** Writes a record of a person; it is on the disk when this returns, and counts from then on. @throws storage-failed. */
  append(judgement: Judgement): Promise<void>;
}

const keyOf = (annotatorId: AnnotatorId, itemId: ItemId) => `${annotatorId}/${itemId}`;

/** Appends that arrive while the disk is busy share the next write and its sync; each returns when it is on the disk. */
function groupedAppend(log: JsonlLog<typeof Judgement>): (record: Judgement) => Promise<void> {
  let waiting: Judgement[] = [];
  let next: Promise<void> | null = null;
  let underWay: Promise<void> = Promise.resolve();
  const writeWaiting = () => {
    const batch = waiting;
    waiting = [];
    next = null;
    const write = log.append(batch);
    underWay = write.catch(() => undefined);
    return write;
  };
  return (record) => {
    waiting.push(record);
    next ??= underWay.then(writeWaiting);
    return next;
  };
}

/** Opens the book of a set, reading what is in the log. @throws bad-input, storage-failed. */
export async function openJudgementBook(workspace: Workspace, set: LabelingSet): Promise<JudgementBook> {
  const log = workspace.judgements(set.id);
  const append = groupedAppend(log);
  const entries = new Map<string, Entry>();
  const byItem = new Map<ItemId, Entry[]>();
  const byAnnotator = new Map<AnnotatorId, Map<ItemId, Entry>>();
  const counts = new Map<AnnotatorId, Counts>();
  const submissions = new Map<string, string>();
  const adjudications = new Map<ItemId, Judgement>();
  let length = 0;

  const stand = (entry: Entry, step: 1 | -1) => {
    const count = counts.get(entry.annotatorId) ?? { done: 0, skipped: 0 };
    counts.set(entry.annotatorId, {
      done: count.done + step,
      skipped: count.skipped + (entry.isSkip ? step : 0),
    });
    const ofItem = byItem.get(entry.itemId) ?? [];
    byItem.set(entry.itemId, step > 0 ? [...ofItem, entry] : ofItem.filter((other) => other !== entry));
    const own = byAnnotator.get(entry.annotatorId) ?? new Map<ItemId, Entry>();
    byAnnotator.set(entry.annotatorId, own);
    if (step > 0) own.set(entry.itemId, entry);
    else own.delete(entry.itemId);
  };

  const remember = (judgement: Judgement) => {
    const { source, itemId, role, submissionId } = judgement;
    if (source.kind !== 'human') return;
    length++;
    if (submissionId !== undefined) {
      submissions.set(`${keyOf(source.annotatorId, itemId)}/${submissionId}`, judgement.id);
    }
    if (role === 'adjudication') {
      if (judgement.withdrawn) adjudications.delete(itemId);
      else adjudications.set(itemId, judgement);
      return;
    }
    const key = keyOf(source.annotatorId, itemId);
    const before = entries.get(key);
    if (before !== undefined && !before.isWithdrawn) stand(before, -1);
    const entry: Entry = {
      annotatorId: source.annotatorId,
      itemId,
      judgementId: judgement.id,
      versions: (before?.versions ?? 0) + 1,
      isSkip: judgement.comparison.kind === 'skip',
      isGold: role === 'gold',
      isWithdrawn: judgement.withdrawn ?? false,
      at: Date.parse(judgement.createdAt),
      line: JSON.stringify(judgement),
    };
    entries.set(key, entry);
    if (!entry.isWithdrawn) stand(entry, 1);
  };

  const records = (await log.read()).filter((record) => set.byId.has(record.itemId));
  for (const record of records) remember(record);
  const close = new Set(
    latestJudgements(records)
      .filter((record) => record.source.kind === 'judge' && isCloseFor(record))
      .map(({ itemId }) => itemId),
  );
  const judgementOf = (entry: Entry) => JSON.parse(entry.line) as Judgement;
  return {
    entry: (annotatorId, itemId) => {
      const entry = entries.get(keyOf(annotatorId, itemId));
      return entry === undefined || entry.isWithdrawn ? null : entry;
    },
    nextVersion: (annotatorId, itemId) => (entries.get(keyOf(annotatorId, itemId))?.versions ?? 0) + 1,
    judgementOf,
    counts: (annotatorId) => counts.get(annotatorId) ?? { done: 0, skipped: 0 },
    ofItem: (itemId) => byItem.get(itemId) ?? [],
    ofAnnotator: (annotatorId) => byAnnotator.get(annotatorId)?.values() ?? [],
    annotators: () => byAnnotator.keys(),
    adjudication: (itemId) => adjudications.get(itemId) ?? null,
    get adjudications() {
      return adjudications.size;
    },
    bySubmission: (annotatorId, itemId, submissionId) =>
      submissions.get(`${keyOf(annotatorId, itemId)}/${submissionId}`) ?? null,
    isClose: (itemId) => close.has(itemId),
    get length() {
      return length;
    },
    async append(judgement) {
      await append(judgement);
      remember(judgement);
    },
  };
}
