// Makes a candidate set, with the judgements that came along, of a file of labels.
import { copyFile, mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import type { ImportFormat, ImportReply } from '../core/annotation/exchange.ts';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { ArtifactId, sha256 } from '../core/ids.ts';
import { toJsonl } from '../core/jsonl.ts';
import type { Workspace } from '../store/workspace.ts';
import { fromArgilla } from './fromArgilla.ts';
import { fromLabelStudio } from './fromLabelStudio.ts';
import { fromCsvRows, fromJsonRow } from './fromOwn.ts';
import { fromPreferences } from './fromPreferences.ts';
import { type ImportedRecord, type PassedOver, type Row, UnusableRow } from './importedRecord.ts';
import { buildLabelSet, type LabelSet } from './labelSet.ts';
import { detectFormat, readRows } from './readRows.ts';

export interface ImportOptions {
  workspace: Workspace;
  text: string;
  /** What the text is called in messages. */
  name: string;
  format: ImportFormat;
  /** Who is put down for judgements that name nobody. */
  annotator?: string;
  /** Folder that sound files are named from; none are taken where absent. */
  folder?: string | null;
}

const MOST_TOLD = 20;

/** @throws bad-input where nothing of the file can be used, storage-failed. */
export async function importLabels(options: ImportOptions): Promise<ImportReply> {
  const { workspace, text, name, annotator = 'dataset', folder = null } = options;
  const { rows, isCsv } = readRows(text, name);
  const format = options.format === 'auto' ? detectFormat(rows, isCsv, name) : options.format;
  const { records, passedOver } = recordsOf(rows, format, annotator);
  const set = buildLabelSet(records);
  if (set.items(ArtifactId.parse('none')).length === 0) {
    const [first] = [...passedOver, ...set.passedOver];
    throw new FourfoldError(
      'bad-input',
      `${name}: expected prompts with two replies or more as ${format}, got none that can be used.${first === undefined ? '' : ` ${first.record}: ${first.reason}.`}`,
    );
  }
  if (set.audio.length > 0 && folder === null) {
    throw new FourfoldError(
      'bad-input',
      `${name}: sound files come in by the command line only: fourfold labels import.`,
    );
  }
  const artifact = await workspace.artifacts.create<'candidate-set'>(
    {
      kind: 'candidate-set',
      parents: [],
      seed: 0,
      config: { file: name, format, sha256: sha256(text) },
      engine: null,
      round: 1,
      runId: null,
      metrics: { prompts: set.prompts.length, candidates: set.candidates.length },
      versions: [...new Set(set.candidates.map(({ model }) => model))].sort(),
    },
    (dir) => writeSet(dir, set, folder),
  );
  const judgements = set.judgements(artifact.id, new Date().toISOString());
  if (judgements.length > 0) await workspace.judgements(artifact.id).append(judgements);
  const all = [...passedOver, ...set.passedOver];
  return {
    candidateSetId: artifact.id,
    format,
    prompts: set.prompts.length,
    candidates: set.candidates.length,
    items: set.items(artifact.id).length,
    judgements: judgements.length,
    passedOver: all.slice(0, MOST_TOLD),
    passedOverTotal: all.length,
  };
}

async function writeSet(dir: string, set: LabelSet, folder: string | null): Promise<void> {
  const id = ArtifactId.parse(basename(dir).replace(/\.partial$/, ''));
  await writeFile(join(dir, 'prompts.jsonl'), toJsonl(set.prompts));
  await writeFile(join(dir, 'candidates.jsonl'), toJsonl(set.candidates));
  await writeFile(join(dir, 'items.jsonl'), toJsonl(set.items(id)));
  if (set.audio.length === 0 || folder === null) return;
  await mkdir(join(dir, 'audio'));
  for (const { from, file } of set.audio) await copyFile(await insidePath(folder, from), join(dir, file));
}

/** The path below the folder. @throws bad-input for one that leads out of it, not-found. */
async function insidePath(folder: string, from: string): Promise<string> {
  try {
    const [root, path] = [await realpath(folder), await realpath(resolve(folder, from))];
    if (path.startsWith(root + sep)) return path;
  } catch (error) {
    throw asStorageError(error, join(folder, from), 'read');
  }
  throw new FourfoldError('bad-input', `${from}: expected a sound file below ${folder}.`);
}

function recordsOf(rows: ReadonlyArray<Row>, format: Exclude<ImportFormat, 'auto'>, annotator: string) {
  const records: ImportedRecord[] = [];
  const passedOver: PassedOver[] = [];
  for (const row of format === 'csv' ? fromCsvRows(rows) : rows) {
    try {
      const { record, unknown } = recordOf(row, format, annotator);
      records.push(record);
      if (unknown.length > 0) passedOver.push({ record: row.place, reason: `left out: ${unknown.join(', ')}` });
    } catch (error) {
      if (!(error instanceof UnusableRow)) throw error;
      passedOver.push({ record: row.place, reason: error.message });
    }
  }
  return { records, passedOver };
}

function recordOf(
  row: Row,
  format: Exclude<ImportFormat, 'auto'>,
  annotator: string,
): { record: ImportedRecord; unknown: string[] } {
  switch (format) {
    case 'preferences':
      return { record: fromPreferences(row, annotator), unknown: [] };
    case 'argilla':
      return fromArgilla(row);
    case 'label-studio':
      return fromLabelStudio(row);
    case 'csv':
    case 'jsonl':
      return { record: fromJsonRow(row), unknown: [] };
    default:
      return format satisfies never;
  }
}
