// A file of ratings becomes a table: JSON, JSON Lines, CSV or TSV, wide or long.
import papaparse from 'papaparse';
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, parseJsonl, parseWith } from '../core/jsonl.ts';
import type { Value } from './agreement.ts';
import { type Rating, type RatingTable, ratingTableOf } from './ratingTable.ts';

export interface RatingColumns {
  /** Column that names the item; by default `item`, `id` or `idx` where there is one, else the row's number. */
  item: string | null;
  /** Wide form: one column a rater. */
  raters: ReadonlyArray<string> | null;
  /** Long form: the columns of the rater and of the value. */
  rater: string;
  value: string;
  /** Words that stand for a missing rating, besides nothing at all and null. */
  missing: ReadonlyArray<string>;
}

const Row = z.record(z.string(), z.unknown());
type Row = z.output<typeof Row>;

/** A scale of 0 to 100 is the longest that people are asked to rate on. */
const MOST_LABELS = 101;

const ITEM_NAMES = ['item', 'id', 'idx'];

/**
 * Wide where `raters` are named, long where the columns `rater` and `value` are there, and otherwise wide over all
 * columns but the item's.
 *
 * @param name of the file, for its ending and for errors
 * @throws bad-input for what cannot be read, for a column that is not there and for a value that is no label
 */
export function parseRatings(text: string, name: string, columns: RatingColumns): RatingTable {
  const rows = rowsOf(text, name);
  if (rows.length === 0) throw new FourfoldError('bad-input', `${name}: expected at least one row, got none.`);
  const known = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const need = (column: string) => {
    if (known.includes(column)) return column;
    throw new FourfoldError(
      'bad-input',
      `${name}: expected a column ${JSON.stringify(column)}, got ${known.slice(0, 12).join(', ')}.`,
    );
  };
  const itemColumn = columns.item === null ? ITEM_NAMES.find((column) => known.includes(column)) : need(columns.item);
  const isLong = columns.raters === null && known.includes(columns.rater) && known.includes(columns.value);
  if (isLong && itemColumn === undefined) need('item');
  const itemOf = (row: Row, index: number) => {
    const item = itemColumn === undefined ? index + 1 : row[itemColumn];
    return typeof item === 'string' ? item.trim() : JSON.stringify(item ?? null);
  };
  const raters = columns.raters?.map(need) ?? known.filter((column) => column !== itemColumn);
  if (!isLong && columns.raters === null) assertLabels(rows, raters, name);
  const label = (row: Row, column: string, index: number) =>
    labelOf(row[column], columns.missing, `${name}, row ${index + 1}, ${column}`);
  if (!isLong) assertOneRowAnItem(rows.map(itemOf), name);
  return ratingTableOf(
    rows.flatMap((row, index): Rating[] =>
      isLong
        ? [{ item: itemOf(row, index), rater: String(row[columns.rater]), value: label(row, columns.value, index) }]
        : raters.map((rater) => ({ item: itemOf(row, index), rater, value: label(row, rater, index) })),
    ),
  );
}

/** Columns that nobody named are raters only if they hold labels: few different values, not ids or texts. */
function assertLabels(rows: ReadonlyArray<Row>, raters: ReadonlyArray<string>, name: string): void {
  for (const column of raters) {
    const values = new Set(rows.map((row) => row[column]));
    if (values.size <= MOST_LABELS) continue;
    throw new FourfoldError(
      'bad-input',
      `${name}: expected columns of ratings, got ${JSON.stringify(column)} with ${values.size} different values. Name the raters' columns with --raters, the item's with --item.`,
    );
  }
}

function assertOneRowAnItem(items: ReadonlyArray<string>, name: string): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    if (seen.has(item)) {
      throw new FourfoldError(
        'bad-input',
        `${name}, row ${index + 1}: expected one row an item, got ${item} again. Name the item's column with --item, or give columns item, rater and value.`,
      );
    }
    seen.add(item);
  }
}

function rowsOf(text: string, name: string): Row[] {
  if (/\.(jsonl|ndjson)$/i.test(name)) return parseJsonl(text, Row, name);
  if (/\.(csv|tsv)$/i.test(name)) return csvRows(text, name);
  if (/^\s*[[{]/.test(text)) {
    // A file of one object a line is no JSON document; one that is, is an array.
    return /^\s*\[/.test(text)
      ? parseWith(z.array(z.union([Row, z.array(z.unknown())])), parseJson(text, name), name).map(objectOf)
      : parseJsonl(text, Row, name);
  }
  return csvRows(text, name);
}

/** A row of a bare matrix has raters 1, 2, ... */
const objectOf = (row: Row | unknown[]): Row =>
  Array.isArray(row) ? Object.fromEntries(row.map((value, i) => [String(i + 1), value])) : row;

function csvRows(text: string, name: string): Row[] {
  const { data, errors } = papaparse.parse<Row>(text, { header: true, skipEmptyLines: 'greedy' });
  const [error] = errors.filter(({ code }) => code !== 'UndetectableDelimiter');
  if (error !== undefined) {
    throw new FourfoldError('bad-input', `${name}, row ${(error.row ?? 0) + 1}: ${error.message}.`);
  }
  return data;
}

/** A label: a number where it reads as one, a word otherwise. */
function labelOf(raw: unknown, missing: ReadonlyArray<string>, where: string): Value | null {
  if (raw === null || raw === undefined) return null;
  if (typeof raw === 'number' && Number.isFinite(raw)) return missing.includes(String(raw)) ? null : raw;
  if (typeof raw === 'boolean') return String(raw);
  if (typeof raw === 'string') {
    const word = raw.trim();
    if (word === '' || missing.includes(word)) return null;
    const number = Number(word);
    return Number.isFinite(number) ? number : word;
  }
  throw new FourfoldError(
    'bad-input',
    `${where}: expected a number or a word as a rating, got ${JSON.stringify(raw).slice(0, 60)}. Name the raters' columns with --raters.`,
  );
}
