// An append-only log in JSON Lines. An append is on the disk when it returns; a torn last line, left by a crash
// in the middle of a write, is not a record: readers pass it over and the next append starts after it.
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { asStorageError, systemCodeOf } from '../core/errors.ts';
import { parseJson, parseWith, toJsonl } from '../core/jsonl.ts';

const NEWLINE = 0x0a;

export class JsonlLog<S extends z.ZodType> {
  readonly path: string;
  readonly #schema: S;
  #tail: Promise<void> = Promise.resolve();

  constructor(path: string, schema: S) {
    this.path = path;
    this.#schema = schema;
  }

  /** Appends the records in one write and syncs it to the disk. Appends of one log object never interleave. */
  append(records: ReadonlyArray<z.output<S>>): Promise<void> {
    const next = this.#tail.then(() => this.#write(toJsonl(records)));
    this.#tail = next.catch(() => undefined);
    return next;
  }

  /** All records, in the order in which they were appended; none where there is no file. */
  read(): Promise<z.output<S>[]> {
    return this.readWhere(() => true);
  }

  /** The records whose lines pass, of which alone it is checked that they are well formed. */
  async readWhere(passes: (line: string) => boolean): Promise<z.output<S>[]> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      throw asStorageError(error, this.path, 'read');
    }
    const lines = text.split('\n');
    // Every whole record ends its line, so what follows the last newline is torn.
    lines.pop();
    const records: z.output<S>[] = [];
    for (const [i, line] of lines.entries()) {
      if (line === '' || this.#isTorn(line) || !passes(line)) continue;
      const where = `${this.path}, line ${i + 1}`;
      records.push(parseWith(this.#schema, parseJson(line, where), where));
    }
    return records;
  }

  /** A torn line that a later append ended: it carries the mark that the append put there. */
  #isTorn(line: string): boolean {
    return line.endsWith(TORN_MARK);
  }

  async #write(text: string): Promise<void> {
    try {
      await mkdir(dirname(this.path), { recursive: true });
      const file = await open(this.path, 'a+');
      try {
        const { size } = await file.stat();
        const start = size;
        let prefix = '';
        if (size > 0) {
          const last = Buffer.alloc(1);
          await file.read(last, 0, 1, size - 1);
          if (last[0] !== NEWLINE) prefix = `${TORN_MARK}\n`;
        }
        try {
          await file.appendFile(prefix + text);
          await file.datasync();
        } catch (error) {
          // A half-written batch must not be read back as accepted.
          await file.truncate(start).catch(() => undefined);
          throw error;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw asStorageError(error, this.path, 'write');
    }
  }
}

const TORN_MARK = '#torn';
