// A file of labels as rows: JSON (a list, or an object that holds one), JSON Lines, or CSV; and which format the rows are.
import Papa from 'papaparse';
import type { ImportFormat } from '../core/annotation/exchange.ts';
import { FourfoldError } from '../core/errors.ts';
import { asList, asObject, type Row } from './importedRecord.ts';

/** The separators that CSV files are known to use. */
const SEPARATORS = [',', ';', '\t'];

/** @throws bad-input, naming the line where there is one. */
export function readRows(text: string, name: string): { rows: Row[]; isCsv: boolean } {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  if (start.startsWith('[')) return { rows: rowsOf(parse(start, name), name), isCsv: false };
  if (start.startsWith('{')) {
    const lines = start.split('\n');
    // One object over several lines is a document; an object a line is JSON Lines.
    if (isJson(lines[0] ?? '')) {
      const rows = lines.flatMap((line, i) =>
        line.trim() === '' ? [] : rowOf(parse(line, `${name}, line ${i + 1}`), `line ${i + 1}`),
      );
      return rows.length === 1 ? { rows: unwrapped(rows[0]?.value ?? {}, name), isCsv: false } : { rows, isCsv: false };
    }
    return { rows: unwrapped(asObject(parse(start, name)) ?? {}, name), isCsv: false };
  }
  return { rows: csvRows(start, name), isCsv: true };
}

/** Keys of which a record has one and an object that only holds the list of records has none. */
const RECORD_KEYS = ['prompt', 'instruction', 'messages', 'chosen', 'data', 'fields'];

/** The records that the object holds under some key, or the object itself where it is a record. */
function unwrapped(object: Record<string, unknown>, name: string): Row[] {
  if (RECORD_KEYS.some((key) => key in object) && asList(object.data) === null) {
    return rowOf(object, 'line 1');
  }
  return rowsOf(
    Object.values(object).find((value) => asList(value)?.some((one) => asObject(one) !== null)),
    name,
  );
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FourfoldError('bad-input', `${where}: expected JSON, got ${JSON.stringify(text.slice(0, 60))}.`, {
      cause: error,
    });
  }
}

const rowOf = (value: unknown, place: string): Row[] => {
  const object = asObject(value);
  return object === null ? [] : [{ place, value: object }];
};

function rowsOf(value: unknown, name: string): Row[] {
  const list = asList(value);
  if (list === null) throw new FourfoldError('bad-input', `${name}: expected a list of records.`);
  return list.flatMap((one, i) => rowOf(one, `record ${i + 1}`));
}

/** Cells that hold JSON are read as such; an apostrophe put before a formula is taken away again. */
function cellOf(cell: string): unknown {
  const text = /^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
  return /^[[{]/.test(text) && isJson(text) ? JSON.parse(text) : text;
}

function csvRows(text: string, name: string): Row[] {
  const { data, errors } = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: 'greedy',
    delimitersToGuess: SEPARATORS,
  });
  const [wrong] = errors.filter(({ code }) => code !== 'UndetectableDelimiter');
  if (wrong !== undefined) {
    throw new FourfoldError('bad-input', `${name}, record ${(wrong.row ?? 0) + 1}: ${wrong.message}.`);
  }
  return data.map((cells, i) => ({
    place: `record ${i + 1}`,
    value: Object.fromEntries(
      Object.entries(cells).flatMap(([key, cell]) => (cell === '' ? [] : [[key, cellOf(cell)]])),
    ),
  }));
}

/** Which format the rows have, by what the first of them holds. @throws bad-input where none fits. */
export function detectFormat(rows: ReadonlyArray<Row>, isCsv: boolean, name: string): Exclude<ImportFormat, 'auto'> {
  const first = rows[0]?.value ?? {};
  const keys = Object.keys(first);
  if (asObject(first.data) !== null && (first.annotations !== undefined || first.completions !== undefined)) {
    return 'label-studio';
  }
  const isArgilla =
    asObject(first.fields) !== null ||
    keys.some((key) => key.endsWith('.responses') || key.endsWith('.responses.users'));
  if (isArgilla) return 'argilla';
  if (first.chosen !== undefined && first.rejected !== undefined) return 'preferences';
  if (isCsv) return 'csv';
  if (first.messages !== undefined || first.prompt !== undefined || first.instruction !== undefined) return 'jsonl';
  throw new FourfoldError(
    'bad-input',
    `${name}: expected labels or replies in a known form, got records with ${keys.slice(0, 8).join(', ') || 'nothing'}. Name the form with --format.`,
  );
}
