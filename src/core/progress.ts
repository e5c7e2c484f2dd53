// How long work tells the outside how far it is. The command line draws a bar; tests and servers stay silent.

/** One phase of work. */
export interface ProgressTask {
  /** Moves to `done` of the total; `values` are shown beside the bar (loss, reward, ...). */
  update(done: number, values?: Readonly<Record<string, number | string>>): void;
  finish(): void;
}

export interface Progress {
  start(name: string, total: number, unit: string): ProgressTask;
  /** A line of news that outlives the bar. */
  note(text: string): void;
}

const silentTask: ProgressTask = { update: () => undefined, finish: () => undefined };

export const silentProgress: Progress = { start: () => silentTask, note: () => undefined };
