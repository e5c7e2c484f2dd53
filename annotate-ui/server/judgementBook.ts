// Human judgements of one candidate set: held in memory, written to the log before they are confirmed.
import { isSameVerdict } from '../../src/core/annotationApi.ts';
import { FourfoldError } from '../../src/core/errors.ts';
import { type AnnotatorId, contentId, type ItemId } from '../../src/core/ids.ts';
import { latestJudgements } from '../../src/core/judgements.ts';
import type { Judgement } from '../../src/core/records.ts';
import type { JsonlLog } from '../../src/store/jsonlLog.ts';
import type { Workspace } from '../../src/store/workspace.ts';
import type { LabelingItem, LabelingSet } from './candidateSet.ts';
import { presentedOrder } from './taskQueue.ts';

export interface Verdict {
  ratings: Judgement['ratings'];
  comparison: Judgement['comparison'];
  durationMs: number | null;
  /** Replaces what the annotator said of the item before. */
  revise: boolean;
}

export interface JudgementBook {
  isDone(annotatorId: AnnotatorId, itemId: ItemId): boolean;
  counts(annotatorId: AnnotatorId): { done: number; skipped: number };
  /**
   * Writes a judgement; it is on the disk when this returns. The same verdict again writes nothing.
   * @throws conflict where the annotator has judged the item otherwise and does not revise; storage-failed.
   */
  save(
    who: { id: AnnotatorId; simulated: boolean },
    item: LabelingItem,
    verdict: Verdict,
  ): Promise<{ judgementId: string; status: 'saved' | 'unchanged' }>;
}

interface Entry {
  judgement: Judgement;
  /** How many records the annotator has of the item. */
  versions: number;
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
  const counts = new Map<AnnotatorId, { done: number; skipped: number }>();
  const countsOf = (annotatorId: AnnotatorId) => counts.get(annotatorId) ?? { done: 0, skipped: 0 };

  const remember = (judgement: Judgement, versions: number) => {
    if (judgement.source.kind !== 'human') return;
    const { annotatorId } = judgement.source;
    const key = keyOf(annotatorId, judgement.itemId);
    const before = entries.get(key)?.judgement;
    const count = countsOf(annotatorId);
    const skips = (found: Judgement | undefined) => (found?.comparison.kind === 'skip' ? 1 : 0);
    counts.set(annotatorId, {
      done: count.done + (before === undefined ? 1 : 0),
      skipped: count.skipped + skips(judgement) - skips(before),
    });
    entries.set(key, { judgement, versions });
  };

  const known = new Set<string>(set.items.map((item) => item.id));
  const human = (await log.read()).filter((record) => record.source.kind === 'human' && known.has(record.itemId));
  const versions = new Map<string, number>();
  for (const { source, itemId } of human) {
    if (source.kind !== 'human') continue;
    const key = keyOf(source.annotatorId, itemId);
    versions.set(key, (versions.get(key) ?? 0) + 1);
  }
  for (const judgement of latestJudgements(human)) {
    if (judgement.source.kind !== 'human') continue;
    remember(judgement, versions.get(keyOf(judgement.source.annotatorId, judgement.itemId)) ?? 1);
  }

  const save: JudgementBook['save'] = async (who, item, verdict) => {
    const entry = entries.get(keyOf(who.id, item.id));
    if (entry !== undefined && isSameVerdict(entry.judgement, verdict)) {
      return { judgementId: entry.judgement.id, status: 'unchanged' };
    }
    if (entry !== undefined && !verdict.revise) {
      throw new FourfoldError(
        'conflict',
        `${item.id} was judged already, and otherwise. Send "revise": true to replace that judgement.`,
      );
    }
    const version = (entry?.versions ?? 0) + 1;
    const id = `human-${contentId(set.id, who.id, item.id)}`;
    const judgement: Judgement = {
      id: version === 1 ? id : `${id}-r${version}`,
      candidateSetId: set.id,
      itemId: item.id,
      promptId: item.promptId,
      source: { kind: 'human', annotatorId: who.id, simulated: who.simulated },
      presented: presentedOrder(who.id, item),
      ratings: verdict.ratings,
      comparison: verdict.comparison,
      durationMs: verdict.durationMs,
      createdAt: new Date().toISOString(),
    };
    await append(judgement);
    remember(judgement, version);
    return { judgementId: judgement.id, status: 'saved' };
  };

  // One annotator's saves of one item go one after the other, so two tabs cannot both be first.
  const underWay = new Map<string, Promise<unknown>>();
  return {
    isDone: (annotatorId, itemId) => entries.has(keyOf(annotatorId, itemId)),
    counts: countsOf,
    save: async (who, item, verdict) => {
      const key = keyOf(who.id, item.id);
      const before = underWay.get(key) ?? Promise.resolve();
      const mine = before.catch(() => undefined).then(() => save(who, item, verdict));
      underWay.set(key, mine);
      try {
        return await mine;
      } finally {
        if (underWay.get(key) === mine) underWay.delete(key);
      }
    },
  };
}
