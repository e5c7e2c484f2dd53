// Progress on standard error: a bar with an estimate on a terminal, plain lines at most every five seconds elsewhere.
import cliProgress, { type MultiBar } from 'cli-progress';
import { type Progress, type ProgressTask, silentProgress } from '../core/progress.ts';

/** The part of a stream that is needed here. */
export interface TextStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Progress that shares its stream with other lines. */
export interface ProgressDisplay extends Progress {
  /** Writes other lines by `write`; bars make way for them where they go to the same terminal. */
  line(write: () => void, isTerminal: boolean): void;
  /** Leaves the terminal as it was. */
  stop(): void;
}

const LINE_INTERVAL_MS = 5000;
const REDRAW_INTERVAL_MS = 100;
/** The estimate looks back this far, so that it follows a change of pace. */
const WINDOW_MS = 30_000;
/** An update this soon after the start is where resumed work goes on from, not work done. */
const RESUME_MS = 100;

/** '8s', '3m 05s', '2h 07m' */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const pad = (value: number) => String(value).padStart(2, '0');
  return minutes < 60 ? `${minutes}m ${pad(seconds % 60)}s` : `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
}

/** Estimates the time left from the pace of the last half minute. */
export class RemainingTime {
  readonly #total: number;
  readonly #startMs: number;
  #samples: { ms: number; done: number }[];

  constructor(total: number, nowMs: number) {
    this.#total = total;
    this.#startMs = nowMs;
    this.#samples = [{ ms: nowMs, done: 0 }];
  }

  record(done: number, nowMs: number): void {
    if (nowMs - this.#startMs < RESUME_MS) this.#samples = [];
    this.#samples.push({ ms: nowMs, done });
    // The oldest sample kept is the newest one that is as old as the window.
    while (this.#samples.length > 2 && nowMs - (this.#samples[1]?.ms ?? nowMs) >= WINDOW_MS) this.#samples.shift();
  }

  /** Milliseconds left, or null before the pace is known. The time since the last update counts as worked. */
  remainingMs(nowMs: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.done <= first.done || last.ms <= first.ms) return null;
    const msPerItem = (last.ms - first.ms) / (last.done - first.done);
    return Math.max(0, (this.#total - last.done) * msPerItem - (nowMs - last.ms));
  }
}

type Values = Readonly<Record<string, number | string>>;

function figure(value: number | string): string {
  if (typeof value === 'string' || Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? value.toPrecision(4) : value.toExponential(2);
}

const valuesText = (values: Values) =>
  Object.entries(values)
    .map(([name, value]) => `, ${name} ${figure(value)}`)
    .join('');

function remainingText(estimate: RemainingTime, nowMs: number): string {
  const ms = estimate.remainingMs(nowMs);
  return ms === null ? '' : `, ${durationText(ms)} left`;
}

interface Settings {
  stream: TextStream;
  now?: () => number;
}

function plainLines({ stream, now = Date.now }: Settings): ProgressDisplay {
  return {
    start(name, total, unit): ProgressTask {
      const startMs = now();
      const estimate = new RemainingTime(total, startMs);
      let lastLineMs = startMs;
      let done = 0;
      let values: Values = {};
      let isOpen = true;
      return {
        update(newDone, newValues = {}) {
          const nowMs = now();
          done = newDone;
          values = { ...values, ...newValues };
          estimate.record(done, nowMs);
          if (nowMs - lastLineMs < LINE_INTERVAL_MS) return;
          lastLineMs = nowMs;
          const left = remainingText(estimate, nowMs);
          stream.write(`${name}: ${done}/${total} ${unit}${valuesText(values)}${left}\n`);
        },
        finish() {
          if (!isOpen) return;
          isOpen = false;
          stream.write(
            `${name}: ${done}/${total} ${unit}${valuesText(values)}, ${durationText(now() - startMs)} in all\n`,
          );
        },
      };
    },
    note: (text) => void stream.write(`${text}\n`),
    line: (write) => write(),
    stop: () => undefined,
  };
}

function bars({ stream, now = Date.now }: Settings): ProgressDisplay {
  let multi: MultiBar | null = null;
  let open = 0;
  let lastDrawMs = 0;
  /** Draws at once: long synchronous steps keep timers from firing. */
  const draw = (force: boolean) => {
    if (multi === null || (!force && now() - lastDrawMs < REDRAW_INTERVAL_MS)) return;
    lastDrawMs = now();
    multi.update();
  };
  const stop = () => {
    multi?.stop();
    multi = null;
    open = 0;
  };
  const make = () =>
    new cliProgress.MultiBar({
      stream: stream as NodeJS.WritableStream,
      format: '{name} {bar} {value}/{total} {unit}{shown}',
      barsize: 24,
      hideCursor: false,
      gracefulExit: false,
      clearOnComplete: false,
      autopadding: false,
      // Lines that were written between leave nothing of the bar as it was.
      forceRedraw: true,
      formatBar: (progress, options) => cliProgress.Format.BarFormat(progress, options),
      barCompleteString: '='.repeat(24),
      barIncompleteString: '-'.repeat(24),
    });
  return {
    start(name, total, unit): ProgressTask {
      multi ??= make();
      open++;
      const startMs = now();
      const estimate = new RemainingTime(total, startMs);
      const bar = multi.create(total, 0, { name, unit, shown: '' });
      let values: Values = {};
      let isOpen = true;
      return {
        update(done, newValues = {}) {
          if (!isOpen) return;
          values = { ...values, ...newValues };
          estimate.record(done, now());
          bar.update(done, { shown: valuesText(values) + remainingText(estimate, now()) });
          draw(false);
        },
        finish() {
          if (!isOpen) return;
          isOpen = false;
          bar.update({ shown: `${valuesText(values)}, ${durationText(now() - startMs)} in all` });
          bar.stop();
          draw(true);
          open--;
          if (open <= 0) stop();
        },
      };
    },
    note: (text) => {
      if (multi === null) stream.write(`${text}\n`);
      else {
        multi.log(`${text}\n`);
        draw(true);
      }
    },
    line: (write, isTerminal) => {
      if (multi === null || !isTerminal) write();
      else {
        multi.once('redraw-pre', () => {
          stream.write('\x1b[J');
          write();
        });
        draw(true);
      }
    },
    stop,
  };
}

/** Progress for a stream; silent where `quiet`. */
export function progressOn(settings: Settings & { quiet: boolean }): ProgressDisplay {
  if (settings.quiet) return { ...silentProgress, line: (write) => write(), stop: () => undefined };
  return settings.stream.isTTY === true ? bars(settings) : plainLines(settings);
}
