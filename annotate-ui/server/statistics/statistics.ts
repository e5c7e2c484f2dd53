// The heavy figures, kept until the log has grown. They are computed in a worker thread, so that no annotator waits
// for a lead; from the TypeScript sources, which a worker cannot load, in this thread.
import { Worker } from 'node:worker_threads';
import type { LabelingDesk } from '../labeling/desk.ts';
import { computeFigures, type Figures, type FiguresRequest } from './computeFigures.ts';

export interface Statistics {
  /** @returns figures of `refreshMs` ago at the oldest where the log has grown since, and how many records it has. */
  figures(): Promise<Figures & { behind: number }>;
  /** The last figures, if any were computed. */
  readonly last: Figures | null;
}

const isBuilt = import.meta.url.endsWith('.js');

function computeApart(request: FiguresRequest): Promise<Figures> {
  if (!isBuilt) return computeFigures(request);
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./figuresWorker.js', import.meta.url), { workerData: request });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`The worker of the figures ended with ${code}.`)));
    worker.unref();
  });
}

export function openStatistics(
  workspaceDir: string,
  desk: LabelingDesk,
  { refreshMs }: { refreshMs: number },
): Statistics {
  let last: { figures: Figures; length: number; project: unknown; at: number } | null = null;
  let underWay: Promise<Figures> | null = null;
  const refresh = () => {
    const { length } = desk.book;
    const { project } = desk;
    underWay ??= computeApart({ workspaceDir, project })
      .then((figures) => {
        last = { figures, length, project, at: Date.now() };
        return figures;
      })
      .finally(() => {
        underWay = null;
      });
    return underWay;
  };
  return {
    async figures() {
      const isCurrent = last !== null && last.length === desk.book.length && last.project === desk.project;
      const isYoung = last !== null && last.project === desk.project && Date.now() - last.at < refreshMs;
      const figures = last !== null && (isCurrent || isYoung) ? last.figures : await refresh();
      return { ...figures, behind: desk.book.length - (last?.length ?? 0) };
    },
    get last() {
      return last?.figures ?? null;
    },
  };
}
