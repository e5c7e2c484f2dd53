// Schedules of evaluations, kept in the index with the history of their firings.
import { FourfoldError } from '../core/errors.ts';
import { ScheduleId } from '../core/ids.ts';
import type { Index, Schedule } from './indexFile.ts';

export type Firing = Schedule['history'][number];

export interface Schedules {
  add(schedule: Pick<Schedule, 'cron' | 'evaluate'>): Schedule;
  list(): Schedule[];
  /** @throws not-found. */
  require(id: string): Schedule;
  /** @throws not-found. */
  remove(id: string): void;
  /** Adds a firing to the schedule's history; the newest thousand are kept. @throws not-found. */
  recordFiring(id: string, firing: Firing): void;
}

const KEPT_FIRINGS = 1000;

export function schedulesIn(index: Index): Schedules {
  return {
    add: ({ cron, evaluate }) =>
      index.update((data) => {
        const taken = data.schedules.map((schedule) => Number(schedule.id.split('-').at(-1)));
        const id = ScheduleId.parse(`schedule-${Math.max(0, ...taken) + 1}`);
        const schedule: Schedule = { id, cron, evaluate, createdAt: new Date().toISOString(), history: [] };
        data.schedules.push(schedule);
        return schedule;
      }),
    list: () => [...index.read().schedules],
    require: (id) => {
      const schedule = index.read().schedules.find((found) => found.id === id);
      if (schedule === undefined) throw unknown(id);
      return schedule;
    },
    remove: (id) =>
      index.update((data) => {
        const kept = data.schedules.filter((schedule) => schedule.id !== id);
        if (kept.length === data.schedules.length) throw unknown(id);
        data.schedules = kept;
      }),
    recordFiring: (id, firing) =>
      index.update((data) => {
        const schedule = data.schedules.find((found) => found.id === id);
        if (schedule === undefined) throw unknown(id);
        schedule.history = [...schedule.history, firing].slice(-KEPT_FIRINGS);
      }),
  };
}

const unknown = (id: string) =>
  new FourfoldError('not-found', `Expected a schedule's id, got ${id}. See: fourfold schedule list.`);
