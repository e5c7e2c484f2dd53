// When a schedule fires next.
import { Cron } from 'croner';

/** Time of the next firing (ISO 8601), or null where there will be none. */
export function nextFiringOf(expression: string): string | null {
  return new Cron(expression, { mode: '5-or-6-parts', paused: true }).nextRun()?.toISOString() ?? null;
}
