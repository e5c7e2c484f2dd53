// Leases and drafts on the disk: a log of small events, compacted when it is opened and when it has grown. Events are
// handed to the operating system before the reply, so they outlive a killed server; they are not synced, since a power
// cut may cost a draft but never a label.
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { asStorageError, systemCodeOf } from '../../../src/core/errors.ts';
import { AnnotatorId, ItemId } from '../../../src/core/ids.ts';
import { toJsonl } from '../../../src/core/jsonl.ts';

const Event = z.discriminatedUnion('kind', [
  /** The item is with the annotator until then (milliseconds since 1970). */
  z.strictObject({ kind: z.literal('lease'), annotatorId: AnnotatorId, itemId: ItemId, until: z.number() }),
  z.strictObject({ kind: z.literal('draft'), annotatorId: AnnotatorId, itemId: ItemId, draft: z.json() }),
  /** Given back or judged. */
  z.strictObject({ kind: z.literal('end'), annotatorId: AnnotatorId, itemId: ItemId }),
]);
export type WorkEvent = z.infer<typeof Event>;

export interface WorkLog {
  /** The events that still matter, as they were when the log was opened. */
  readonly found: ReadonlyArray<WorkEvent>;
  /** Written, though not synced, when this returns. @throws storage-failed. */
  append(event: WorkEvent): Promise<void>;
  /** @param live the events that would bring about the present state, asked for when the log is rewritten */
  onCompact(live: () => WorkEvent[]): void;
  close(): Promise<void>;
}

const COMPACT_ABOVE_BYTES = 4 * 1024 * 1024;

/** Opens the log, reading what is there; lines that a crash tore are passed over. @throws storage-failed. */
export async function openWorkLog(path: string): Promise<WorkLog> {
  let file: FileHandle | null = null;
  let size = 0;
  let live: () => WorkEvent[] = () => found;
  let waiting: string[] = [];
  let next: Promise<void> | null = null;
  let underWay: Promise<void> = Promise.resolve();

  const found = standing(parse(await textOf(path)));

  const rewrite = async () => {
    const text = toJsonl(live());
    await file?.close();
    file = null;
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, text, { mode: 0o600, fsync: false });
    file = await open(path, 'a', 0o600);
    size = text.length;
  };
  const write = async () => {
    const text = waiting.join('');
    waiting = [];
    next = null;
    try {
      if (file === null || size > COMPACT_ABOVE_BYTES) await rewrite();
      await file?.appendFile(text);
      size += text.length;
    } catch (error) {
      throw asStorageError(error, path, 'write');
    }
  };
  return {
    found,
    append(event) {
      waiting.push(`${JSON.stringify(event)}\n`);
      next ??= underWay.then(() => {
        const mine = write();
        underWay = mine.catch(() => undefined);
        return mine;
      });
      return next;
    },
    onCompact: (give) => {
      live = give;
    },
    async close() {
      await next?.catch(() => undefined);
      await underWay;
      await file?.close();
      file = null;
    },
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw asStorageError(error, path, 'read');
  }
}

function parse(text: string): WorkEvent[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [Event.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

/** The last lease and draft of each annotator and item that were not ended. */
function standing(events: ReadonlyArray<WorkEvent>): WorkEvent[] {
  const kept = new Map<string, WorkEvent>();
  for (const event of events) {
    const key = `${event.annotatorId}/${event.itemId}`;
    if (event.kind === 'end') {
      kept.delete(`${key}/lease`);
      kept.delete(`${key}/draft`);
    } else {
      kept.set(`${key}/${event.kind}`, event);
    }
  }
  return [...kept.values()];
}
