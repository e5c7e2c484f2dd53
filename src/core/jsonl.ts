// Text and JSON in and out of lines: a malformed line is named by file and number.
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { asStorageError, FourfoldError } from './errors.ts';
import { sentenceOf } from './zodSentence.ts';

/** Parses one value against its schema; `where` names it in the error. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new FourfoldError('bad-input', `${where}: ${sentenceOf(result.error, value)}`);
}

/** Parses JSON text; `where` names it in the error. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FourfoldError(
      'bad-input',
      `${where}: expected JSON, got ${JSON.stringify(text.slice(0, 60))}. Mend or remove it.`,
      {
        cause: error,
      },
    );
  }
}

/** A value of a JSON Lines file and the number of its line, from 1. */
export interface NumberedLine<T> {
  line: number;
  value: T;
}

/**
 * Parses JSON Lines, each value with its line's number. Blank lines are passed over.
 * @throws bad-input with the number of the first line that is not JSON or not of the schema.
 */
export function parseNumberedJsonl<S extends z.ZodType>(
  text: string,
  schema: S,
  name: string,
): NumberedLine<z.output<S>>[] {
  const values: NumberedLine<z.output<S>>[] = [];
  for (const [index, content] of text.split('\n').entries()) {
    if (content.trim() === '') continue;
    const line = index + 1;
    const where = `${name}, line ${line}`;
    values.push({ line, value: parseWith(schema, parseJson(content, where), where) });
  }
  return values;
}

/** The values of JSON Lines. @throws as parseNumberedJsonl. */
export function parseJsonl<S extends z.ZodType>(text: string, schema: S, name: string): z.output<S>[] {
  return parseNumberedJsonl(text, schema, name).map(({ value }) => value);
}

/** Reads a UTF-8 file. @throws not-found, storage-failed. */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw asStorageError(error, path, 'read');
  }
}

/** Reads and parses a JSON Lines file. @throws not-found, bad-input with the line's number. */
export async function readJsonl<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>[]> {
  return parseJsonl(await readTextFile(path), schema, path);
}

/** One JSON document a line, each line ended. */
export function toJsonl(values: Iterable<unknown>): string {
  let text = '';
  for (const value of values) text += `${JSON.stringify(value)}\n`;
  return text;
}
