// The metrics of a run, one line a step.
import type { Metrics, Run } from '../store/runs.ts';

/**
 * A function that appends a step's line to the run's metrics. After a crash the steps since the newest checkpoint are
 * done again, with the same figures; their lines are there already and are not appended twice.
 */
export async function stepRecorder(run: Run): Promise<(line: Metrics) => Promise<void>> {
  const recorded = (await run.metrics.read()).at(-1)?.step ?? 0;
  return async (line) => {
    if (line.step > recorded) await run.metrics.append([line]);
  };
}
