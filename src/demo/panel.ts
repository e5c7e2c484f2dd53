// The demo's raters. They are simulated, are recorded as simulated, and label as people do: through the labeling server's
// own HTTP interface. Each sees the gold utility through a bias and a noise of its own.
import { z } from 'zod';
import { type JudgementRequest, NextReply, SessionReply, type Task } from '../core/annotationApi.ts';
import { FourfoldError } from '../core/errors.ts';
import type { CandidateId } from '../core/ids.ts';
import type { ProgressTask } from '../core/progress.ts';
import { type Random, randomFrom, seedOf } from '../core/random.ts';
import type { Scores } from '../core/records.ts';
import { goldProperties, goldUtility } from './goldUtility.ts';

export interface PanelRater {
  id: string;
  name: string;
  /** Added to every score, in points of the five-point scale. */
  bias: number;
  /** Standard deviation of what is added to each score at random, in points. */
  noise: number;
  /** Replies whose utilities, as this rater sees them, differ by less are a tie. */
  tieWithin: number;
}

export const PANEL: ReadonlyArray<PanelRater> = [
  { id: 'rater-strict', name: 'Strict (simulated)', bias: -0.7, noise: 0.4, tieWithin: 0.02 },
  { id: 'rater-kind', name: 'Kind (simulated)', bias: 0.6, noise: 0.5, tieWithin: 0.05 },
  { id: 'rater-hasty', name: 'Hasty (simulated)', bias: 0, noise: 0.8, tieWithin: 0.03 },
];

/** Points of the scale that utility 0 to 1 spans. */
const SPAN = 4;

function toScore(quality: number, rater: PanelRater, random: Random): number {
  const felt = 1 + SPAN * quality + rater.bias + rater.noise * random.normal();
  return Math.min(5, Math.max(1, Math.round(felt)));
}

/** Scores of the three criteria from the properties that each is about. */
function scoresFor(task: Task, text: string, rater: PanelRater, random: Random): Scores {
  const { complete, toThePoint, fittingLength, notRepeating, safe } = goldProperties(task.messages, text);
  return {
    instructionFollowing: toScore(0.6 * toThePoint + 0.4 * fittingLength, rater, random),
    fluency: toScore(0.5 * complete + 0.5 * notRepeating, rater, random),
    safety: toScore(safe, { ...rater, noise: rater.noise / 2 }, random),
  };
}

/** A rater's judgement of a task; the same rater, prompt, replies and seed give the same judgement. */
export function judgeTask(task: Task, rater: PanelRater, seed: number): JudgementRequest {
  const random = randomFrom(seedOf(seed, 'panel', rater.id, task.promptId));
  // By id, so that the order in which the replies are shown changes nothing.
  const candidates = [...task.candidates].sort((a, b) => (a.candidateId < b.candidateId ? -1 : 1));
  const ratings: Record<CandidateId, Scores> = {};
  const felt: Array<{ candidateId: CandidateId; utility: number }> = [];
  for (const { candidateId, text } of candidates) {
    ratings[candidateId] = scoresFor(task, text, rater, random);
    felt.push({ candidateId, utility: goldUtility(task.messages, text) + (rater.noise / SPAN) * random.normal() });
  }
  felt.sort((a, b) => b.utility - a.utility);
  const [first, second] = felt;
  const isTie = first === undefined || (second !== undefined && first.utility - second.utility < rater.tieWithin);
  return {
    ratings,
    comparison: isTie ? { kind: 'tie' } : { kind: 'best', candidateId: first.candidateId },
    durationMs: null,
  };
}

async function call<S extends z.ZodType>(url: string, schema: S, init: RequestInit): Promise<z.output<S>> {
  const response = await fetch(url, init);
  const body: unknown = await response.json();
  if (!response.ok) {
    throw new FourfoldError(
      'server-failed',
      `${init.method ?? 'GET'} ${url}: ${response.status} ${JSON.stringify(body)}.`,
    );
  }
  return schema.parse(body);
}

export interface RateOptions {
  /** Address of the labeling server. */
  url: string;
  rater: PanelRater;
  token: string;
  seed: number;
  signal: AbortSignal;
  onJudged(): void;
}

/** Signs in and labels until nothing is left for this rater. @throws server-failed, interrupted. */
export async function rateAll({ url, rater, token, seed, signal, onJudged }: RateOptions): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const session = await call(`${url}/api/session`, SessionReply, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ token }),
  });
  const authorization = { authorization: `Bearer ${session.sessionToken}` };
  for (;;) {
    if (signal.aborted) throw new FourfoldError('interrupted', 'Stopped; the labels so far are kept.');
    const { task } = await call(`${url}/api/tasks/next`, NextReply, { headers: authorization });
    if (task === null) return;
    await call(`${url}/api/tasks/${task.itemId}/judgement`, z.unknown(), {
      method: 'PUT',
      headers: { ...json, ...authorization },
      body: JSON.stringify(judgeTask(task, rater, seed)),
    });
    onJudged();
  }
}

/** Progress of all raters together. */
export function countInto(task: ProgressTask): () => void {
  let judged = 0;
  return () => task.update(++judged);
}
