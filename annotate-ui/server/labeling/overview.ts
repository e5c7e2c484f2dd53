// The counts of a project as they stand, from what is in memory.
import type { Notice, OverviewReply } from '../../../src/core/annotation/lead.ts';
import type { LabelingDesk } from './desk.ts';
import type { Entry } from './judgementBook.ts';
import { meanScore } from './knownAnswers.ts';

type Counts = Omit<OverviewReply, 'settings' | 'notices'>;

const ACTIVE_MS = 10 * 60 * 1000;
/** A longer gap between two labels of anyone is a break. */
const BREAK_MS = 30 * 60 * 1000;
const PACE_LABELS = 500;

function everyEntry({ book }: LabelingDesk): Entry[] {
  return [...book.annotators()].flatMap((annotatorId) => [...book.ofAnnotator(annotatorId)]);
}

/** Labels an hour over the last labels, breaks left out, and when the rest will be done at that pace. */
function paceOf(times: ReadonlyArray<number>, remaining: number | null, now: number): Counts['pace'] {
  const last = times.slice(-PACE_LABELS);
  const gaps = last.slice(1).map((time, i) => time - (last[i] ?? time));
  const worked = gaps.filter((gap) => gap <= BREAK_MS);
  const ms = worked.reduce((sum, gap) => sum + gap, 0);
  if (ms === 0) return { perHour: null, finishAt: null };
  const perMs = worked.length / ms;
  const finishAt = remaining === null || remaining === 0 ? null : new Date(now + remaining / perMs).toISOString();
  return { perHour: perMs * 3_600_000, finishAt };
}

/** @param now milliseconds since 1970 */
export function overviewOf(desk: LabelingDesk, now: number): Counts {
  const { book, queue, holdings } = desk;
  const entries = everyEntry(desk).sort((a, b) => a.at - b.at);
  const labels = entries.filter(({ isSkip }) => !isSkip);
  const daily = new Map<string, { labels: number; skipped: number }>();
  for (const { at, isSkip } of entries) {
    const day = new Date(at).toISOString().slice(0, 10);
    const count = daily.get(day) ?? { labels: 0, skipped: 0 };
    daily.set(day, isSkip ? { ...count, skipped: count.skipped + 1 } : { ...count, labels: count.labels + 1 });
  }
  const gold = [...book.annotators()].flatMap((id) => desk.gold.scores(id));
  return {
    items: {
      total: queue.items,
      complete: queue.complete,
      started: queue.started,
      leased: new Set([...holdings.all()].filter(({ isLeased }) => isLeased).map(({ itemId }) => itemId)).size,
      inDispute: desk.disputes.list().filter(({ item }) => book.adjudication(item.id) === null).length,
      adjudicated: book.adjudications,
    },
    labels: { given: labels.length, skipped: entries.length - labels.length, needed: queue.remaining },
    pace: paceOf(
      labels.map(({ at }) => at),
      queue.remaining,
      now,
    ),
    daily: [...daily].map(([day, count]) => ({ day, ...count })),
    gold: { answers: gold.length, score: meanScore(gold) },
    activeNow: new Set(entries.filter(({ at }) => now - at <= ACTIVE_MS).map(({ annotatorId }) => annotatorId)).size,
  };
}

/** Annotators who were stopped, by the gold items or in the qualification round. */
export function standingNotices(desk: LabelingDesk): Notice[] {
  return [...desk.members.known()].flatMap((annotatorId): Notice[] => {
    const { paused, qualification } = desk.standing(annotatorId);
    if (paused?.reason === 'gold') {
      const text = `${annotatorId} fell below the bar on items with known answers and is given no more until you resume.`;
      return [{ kind: 'annotator-paused', subject: annotatorId, text, at: paused.at }];
    }
    if (qualification?.state !== 'failed') return [];
    const text = `${annotatorId} did not pass the qualification round in ${qualification.attempts} attempts.`;
    const at = desk.members.lastAt(annotatorId);
    return at === null ? [] : [{ kind: 'qualification-failed', subject: annotatorId, text, at }];
  });
}
