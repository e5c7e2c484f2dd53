// Judges the items of a candidate set and appends what came of them to the workspace's log. It can be stopped at any
// time and goes on where it was: what this judge has judged is passed over, what failed is tried again.
import pLimit from 'p-limit';
import type { ArtifactOf } from '../core/artifacts.ts';
import { type CandidateItem, readCandidateSet } from '../core/candidateSet.ts';
import { FourfoldError } from '../core/errors.ts';
import { type ArtifactId, contentId } from '../core/ids.ts';
import { latestJudgements } from '../core/judgements.ts';
import { type Progress, silentProgress } from '../core/progress.ts';
import { randomFrom, seedOf, shuffled } from '../core/random.ts';
import type { Judgement } from '../core/records.ts';
import type { Judge, Verdict } from './judge.ts';

/** What of a workspace is needed here; every Workspace fits. */
export interface JudgingWorkspace {
  readonly dir: string;
  readonly artifacts: {
    require(id: string, kind: 'candidate-set'): ArtifactOf<'candidate-set'>;
    latest(kind: 'candidate-set'): ArtifactOf<'candidate-set'> | null;
    dir(artifact: ArtifactOf<'candidate-set'>): string;
  };
  judgements(candidateSetId: ArtifactId): {
    read(): Promise<Judgement[]>;
    append(records: ReadonlyArray<Judgement>): Promise<void>;
  };
}

export interface JudgeCandidatesOptions {
  workspace: JudgingWorkspace;
  /** An id, or 'latest'. */
  candidateSetId: string;
  judge: Judge;
  /** Items judged at once. */
  concurrency?: number;
  /** At most this many items; 0: all. */
  limit?: number;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface JudgingResult {
  candidateSetId: ArtifactId;
  judge: string;
  promptHash: string;
  items: number;
  /** Judged before, and passed over now. */
  alreadyJudged: number;
  /** Judged now, failures not among them. */
  judged: number;
  failures: number;
  /** failures / (judged + failures), null where nothing was to be done. */
  failureRate: number | null;
  /** How often each reason was given. */
  failureReasons: Record<string, number>;
  /** Share of the items judged now in both orders whose two orders named the same best; null where there is none. */
  positionConsistency: number | null;
}

/**
 * Judges what this judge (by name and prompt hash) has not judged yet.
 * @throws not-found without a candidate set; interrupted when aborted, with all finished verdicts on the disk;
 *   whatever the judge throws.
 */
export async function judgeCandidates(options: JudgeCandidatesOptions): Promise<JudgingResult> {
  const { workspace, judge, signal = new AbortController().signal, progress = silentProgress } = options;
  const set = chosenSet(workspace, options.candidateSetId);
  const log = workspace.judgements(set.id);
  const items = await readCandidateSet(workspace.artifacts.dir(set), set.id);
  const done = judgedItems(await log.read(), judge);
  const open = items.filter(({ item }) => !done.has(item.id));
  const todo = options.limit === undefined || options.limit === 0 ? open : open.slice(0, options.limit);
  const task = progress.start(`judge: ${judge.name}`, todo.length, 'items');
  const tally = emptyTally();
  const append = batchedAppend((records) => log.append(records));
  const limit = pLimit(options.concurrency ?? 4);
  // The first item that cannot be judged at all ends the work on all others.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const judgeOne = async (entry: CandidateItem) => {
    const startedAt = performance.now();
    const presented = presentedOrder(entry, judge);
    const verdict = await judge.judge({ prompt: entry.prompt.messages, candidates: presented }, both);
    const durationMs = Math.round(performance.now() - startedAt);
    await append(recordOf({ entry, presented, judge, verdict, durationMs }));
    count(tally, verdict);
    task.update(tally.judged + tally.failures, tally.failures === 0 ? {} : { failed: tally.failures });
  };
  const work = todo.map((entry) =>
    limit(async () => {
      if (both.aborted) return;
      try {
        await judgeOne(entry);
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  const outcomes = await Promise.allSettled(work);
  task.finish();
  if (signal.aborted) {
    throw new FourfoldError(
      'interrupted',
      `Judging stopped after ${tally.judged + tally.failures} of ${todo.length} items; run the same command again to go on.`,
    );
  }
  // The first failure in time, not in the order of the items: the others were only stopped by it.
  if (outcomes.some((outcome) => outcome.status === 'rejected')) throw stop.signal.reason;
  return {
    candidateSetId: set.id,
    judge: judge.name,
    promptHash: judge.promptHash,
    items: items.length,
    alreadyJudged: items.length - open.length,
    ...summary(tally),
  };
}

function chosenSet(workspace: JudgingWorkspace, id: string): ArtifactOf<'candidate-set'> {
  if (id !== 'latest') return workspace.artifacts.require(id, 'candidate-set');
  const latest = workspace.artifacts.latest('candidate-set');
  if (latest !== null) return latest;
  throw new FourfoldError(
    'not-found',
    `Expected a candidate set to judge; ${workspace.dir} has none. Make one with: fourfold candidates.`,
  );
}

function judgedItems(records: ReadonlyArray<Judgement>, judge: Judge): Set<string> {
  const own = records.filter(
    ({ source }) => source.kind === 'judge' && source.judge === judge.name && source.promptHash === judge.promptHash,
  );
  return new Set(
    latestJudgements(own)
      .filter(({ comparison }) => comparison.kind !== 'missing')
      .map(({ itemId }) => itemId),
  );
}

/** The candidates in an order that follows from judge and item, so that no version always comes first. */
function presentedOrder({ item, candidates }: CandidateItem, judge: Judge): CandidateItem['candidates'] {
  return shuffled(candidates, randomFrom(seedOf('judge-order', judge.name, item.id)));
}

function recordOf(made: {
  entry: CandidateItem;
  presented: CandidateItem['candidates'];
  judge: Judge;
  verdict: Verdict;
  durationMs: number;
}): Judgement {
  const { entry, presented, judge, verdict, durationMs } = made;
  const { item } = entry;
  const createdAt = new Date().toISOString();
  return {
    id: `judgement-${contentId(judge.name, judge.promptHash, item.id, createdAt)}`,
    candidateSetId: item.candidateSetId,
    itemId: item.id,
    promptId: item.promptId,
    source: { kind: 'judge', judge: judge.name, promptHash: judge.promptHash },
    presented: presented.map(({ id }) => id),
    ratings: verdict.ratings,
    comparison: verdict.comparison,
    durationMs,
    createdAt,
  };
}

interface Tally {
  judged: number;
  failures: number;
  reasons: Map<string, number>;
  bothOrders: number;
  consistent: number;
}

const emptyTally = (): Tally => ({ judged: 0, failures: 0, reasons: new Map(), bothOrders: 0, consistent: 0 });

function count(tally: Tally, { comparison, details }: Verdict): void {
  if (comparison.kind === 'missing') {
    tally.failures++;
    tally.reasons.set(comparison.reason, (tally.reasons.get(comparison.reason) ?? 0) + 1);
    return;
  }
  tally.judged++;
  if (details.positionConsistent === null) return;
  tally.bothOrders++;
  if (details.positionConsistent) tally.consistent++;
}

function summary(tally: Tally) {
  const tried = tally.judged + tally.failures;
  return {
    judged: tally.judged,
    failures: tally.failures,
    failureRate: tried === 0 ? null : tally.failures / tried,
    failureReasons: Object.fromEntries(tally.reasons),
    positionConsistency: tally.bothOrders === 0 ? null : tally.consistent / tally.bothOrders,
  };
}

/** Appends records as they come, together where several are waiting for the disk. Resolves when the record is on it. */
function batchedAppend(
  append: (records: ReadonlyArray<Judgement>) => Promise<void>,
): (record: Judgement) => Promise<void> {
  let waiting: Judgement[] = [];
  let next: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();
  return (record) => {
    waiting.push(record);
    next ??= last
      .catch(() => undefined)
      .then(() => {
        const batch = waiting;
        waiting = [];
        next = null;
        return append(batch);
      });
    last = next;
    return next;
  };
}
