// Work that runs beside the server for as long as it listens, such as scheduled evaluations.
import type { FastifyInstance } from 'fastify';

export interface BackgroundJob {
  readonly name: string;
  start(): Promise<void> | void;
  /** Must end what `start` began; the server waits for it before it closes. */
  stop(): Promise<void> | void;
}

/** Starts the jobs when the application is ready and stops them, newest first, when it closes. */
export function registerJobs(app: FastifyInstance, jobs: ReadonlyArray<BackgroundJob>): void {
  const running: BackgroundJob[] = [];
  app.addHook('onReady', async () => {
    for (const job of jobs) {
      await job.start();
      running.push(job);
    }
  });
  app.addHook('onClose', async () => {
    for (const job of running.reverse()) await job.stop();
  });
}
