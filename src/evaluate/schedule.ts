// Runs scheduled evaluations: each schedule's cron fires, firings queue, one evaluation runs at a time, and what came
// of it is recorded. Nothing here throws at its caller: a failed evaluation is history, not the end of the server.
import { Cron } from 'croner';
import { messageOf } from '../core/errors.ts';
import type { ArtifactId } from '../core/ids.ts';
import type { Schedule } from '../store/indexFile.ts';
import type { Firing } from '../store/schedules.ts';

export interface SchedulerOptions {
  /** The schedules as the store has them now; asked again every `pollMs`. */
  schedules(): ReadonlyArray<Pick<Schedule, 'id' | 'cron' | 'evaluate'>>;
  /** Adds a firing to a schedule's history: workspace.schedules.recordFiring. */
  record(id: string, firing: Firing): void;
  /** Evaluates with the schedule's options and gives the evaluation's id. Stops early when the signal is aborted. */
  runEvaluation(options: Record<string, unknown>, signal: AbortSignal): Promise<ArtifactId>;
  /** A line of news. */
  note(line: string): void;
  signal?: AbortSignal;
  /** How often the store is asked for schedules that came or went; default 5 s. */
  pollMs?: number;
}

export interface Scheduler {
  /** When each schedule fires next, for those that will. */
  nextFirings(): Array<{ id: string; at: Date }>;
  /** Takes no further firing, stops the evaluation that runs, and resolves when it has ended. */
  stop(): Promise<void>;
}

const POLL_MS = 5000;

/** Why a cron expression cannot be used, or null where it can: five fields, or six with seconds first. */
export function cronProblem(expression: string): string | null {
  try {
    const cron = new Cron(expression, { mode: '5-or-6-parts', paused: true });
    return cron.nextRun() === null ? 'it never fires' : null;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Starts the clock. A schedule that fires while an evaluation runs is run once after it, however often it fired;
 * firings of a time when no scheduler ran are not made up for.
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const { note, pollMs = POLL_MS } = options;
  const stopping = new AbortController();
  const crons = new Map<string, { expression: string; cron: Cron | null }>();
  /** Ids of schedules whose turn is to come, each once, in order of firing. */
  const pending = new Set<string>();
  let working: Promise<void> | null = null;

  const currentSchedules = () => {
    try {
      return options.schedules();
    } catch (error) {
      note(`schedules could not be read: ${messageOf(error)}`);
      return null;
    }
  };

  const fire = (id: string) => {
    if (stopping.signal.aborted) return;
    pending.add(id);
    working ??= drain().finally(() => {
      working = null;
    });
  };

  async function drain(): Promise<void> {
    for (let id = first(pending); id !== null && !stopping.signal.aborted; id = first(pending)) {
      pending.delete(id);
      const schedule = currentSchedules()?.find((found) => found.id === id);
      if (schedule !== undefined) await runOne(options, schedule, stopping.signal);
    }
  }

  const follow = () => {
    const schedules = currentSchedules();
    if (schedules === null) return;
    for (const [id, { expression, cron }] of crons) {
      if (schedules.some((schedule) => schedule.id === id && schedule.cron === expression)) continue;
      cron?.stop();
      crons.delete(id);
    }
    for (const { id, cron: expression } of schedules) {
      if (crons.has(id)) continue;
      const problem = cronProblem(expression);
      if (problem !== null) note(`${id}: the cron expression ${JSON.stringify(expression)} is not used: ${problem}`);
      const cron =
        problem === null ? new Cron(expression, { mode: '5-or-6-parts', unref: true }, () => fire(id)) : null;
      crons.set(id, { expression, cron });
    }
  };

  follow();
  const poll = setInterval(follow, pollMs);
  poll.unref();

  const stop = async () => {
    clearInterval(poll);
    for (const { cron } of crons.values()) cron?.stop();
    stopping.abort();
    await working;
  };
  if (options.signal?.aborted === true) void stop();
  options.signal?.addEventListener('abort', () => void stop(), { once: true });

  return {
    nextFirings: () =>
      [...crons].flatMap(([id, { cron }]) => {
        const at = cron?.nextRun() ?? null;
        return at === null ? [] : [{ id, at }];
      }),
    stop,
  };
}

const first = (ids: ReadonlySet<string>): string | null => ids.values().next().value ?? null;

/** Runs one evaluation and records how it ended. */
async function runOne(
  { runEvaluation, record, note }: SchedulerOptions,
  schedule: Pick<Schedule, 'id' | 'evaluate'>,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = new Date().toISOString();
  let outcome: Pick<Firing, 'evaluationId' | 'error'>;
  try {
    const evaluationId = await runEvaluation(schedule.evaluate, signal);
    outcome = { evaluationId, error: null };
    note(`${schedule.id}: ${evaluationId}`);
  } catch (error) {
    outcome = { evaluationId: null, error: messageOf(error) };
    note(`${schedule.id} failed: ${messageOf(error)}`);
  }
  try {
    record(schedule.id, { startedAt, finishedAt: new Date().toISOString(), ...outcome });
  } catch (error) {
    note(`${schedule.id}: the firing could not be recorded: ${messageOf(error)}`);
  }
}
