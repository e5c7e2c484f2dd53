// Our own JSON Lines and CSV, as exported; and plain files of prompts with their replies, judged by nobody yet.
import { type Judgement, judgementDetails } from '../core/records.ts';
import {
  asList,
  asMessages,
  asObject,
  asText,
  type ImportedRecord,
  type ImportedReply,
  type ImportedVerdict,
  type Row,
  UnusableRow,
} from './importedRecord.ts';
import { promptFieldOf, replyFieldsOf } from './namedAnswers.ts';

/** A line of JSON: a prompt with `candidates` (or `responses`, `replies`), and the judgement where it is one of ours. */
export function fromJsonRow({ place, value }: Row): ImportedRecord {
  const messages = asMessages(value.messages ?? value.prompt ?? value.instruction);
  if (messages === null) throw new UnusableRow('expected messages or a prompt');
  const listed = asList(value.candidates ?? value.responses ?? value.replies ?? value.completions);
  const replies = listed === null ? fieldReplies(value) : listed.map((reply, i) => replyOf(reply, i));
  const source = asObject(value.source);
  const promptId = asText(value.promptId ?? (listed === null ? null : value.id)) ?? undefined;
  return {
    place,
    ...(promptId === undefined || source !== null
      ? asText(value.promptId) === null
        ? {}
        : { promptId: String(value.promptId) }
      : { promptId }),
    messages,
    replies,
    verdicts: source === null ? [] : [verdictOf(value, source)],
  };
}

function replyOf(value: unknown, index: number): ImportedReply {
  const name = String(index);
  if (typeof value === 'string') return { text: value, model: 'imported', name };
  const { id, text, content, model, audio } = asObject(value) ?? {};
  const said = asText(text ?? content);
  if (said === null) throw new UnusableRow(`reply ${index + 1}: expected a text`);
  const [ownId, file] = [asText(id), asText(asObject(audio)?.file ?? audio)];
  return {
    text: said,
    model: asText(model) ?? 'imported',
    name: ownId ?? name,
    ...(ownId === null ? {} : { id: ownId }),
    ...(file === null ? {} : { audio: file }),
  };
}

function fieldReplies(value: Record<string, unknown>): ImportedReply[] {
  const names = Object.keys(value);
  return replyFieldsOf(names, promptFieldOf(names)).flatMap((name) => {
    const text = asText(value[name]);
    return text === null ? [] : [{ name, text, model: asText(value[`${name}_model`]) ?? 'imported' }];
  });
}

/** The judgement as it was exported; its schema is checked when it is put on record. */
function verdictOf(value: Record<string, unknown>, source: Record<string, unknown>): ImportedVerdict {
  const details = Object.keys(judgementDetails).flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]]));
  return {
    source: asText(source.annotatorId ?? source.judge) ?? 'imported',
    isJudge: source.kind === 'judge',
    ...(asText(source.promptHash) === null ? {} : { promptHash: String(source.promptHash) }),
    simulated: source.simulated === true,
    ...(asList(value.presented) === null ? {} : { presented: (value.presented as unknown[]).map(String) }),
    ratings: (asObject(value.ratings) ?? {}) as ImportedVerdict['ratings'],
    comparison: (asObject(value.comparison) ?? { kind: 'none' }) as Judgement['comparison'],
    details: Object.fromEntries(details),
    durationMs: typeof value.durationMs === 'number' ? value.durationMs : null,
    createdAt: asText(value.createdAt),
    ...(value.role === 'gold' || value.role === 'adjudication' ? { role: value.role } : {}),
  };
}

/** Columns of our CSV, beside one column a criterion, named rating.<criterion>. */
export const CSV_COLUMNS = [
  ...[
    'judgementId',
    'itemId',
    'promptId',
    'sourceKind',
    'source',
    'promptHash',
    'simulated',
    'messages',
    'candidateId',
  ],
  ...[
    'model',
    'text',
    'position',
    'comparison',
    'isBest',
    'reason',
    'strength',
    'bothBad',
    'place',
    'flags',
    'correction',
  ],
  ...['comment', 'durationMs', 'createdAt', 'role', 'late', 'projectId', 'submissionId'],
] as const;
export const RATING_COLUMN = 'rating.';

/** Rows of our CSV, one a reply, put together again by judgement. */
export function fromCsvRows(rows: ReadonlyArray<Row>): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = asText(row.value.judgementId) ?? row.place;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map(judgementRow);
}

function judgementRow(rows: Row[]): Row {
  const [first] = rows as [Row];
  const { value } = first;
  if (value.judgementId === undefined) return first;
  const idOf = (row: Row) => asText(row.value.candidateId) ?? '';
  const numberOf = (given: unknown) => (given === undefined ? null : Number(given));
  const byPosition = rows.toSorted((a, b) => Number(a.value.position) - Number(b.value.position));
  const best = rows.find((row) => row.value.isBest === 'true');
  const places = rows.filter((row) => row.value.place !== undefined);
  const ranking = [...new Set(places.map((row) => Number(row.value.place)))]
    .sort((a, b) => a - b)
    .map((place) => places.filter((row) => Number(row.value.place) === place).map(idOf));
  const byReply = (column: string, read: (text: string) => unknown) =>
    rows.flatMap((row) => (row.value[column] === undefined ? [] : [[idOf(row), read(String(row.value[column]))]]));
  const [flags, corrections] = [byReply('flags', (text) => text.split(' ')), byReply('correction', (text) => text)];
  const kind = asText(value.comparison) ?? 'none';
  const isJudge = value.sourceKind === 'judge';
  return {
    place: first.place,
    value: {
      promptId: value.promptId,
      messages: value.messages,
      candidates: rows.map((row) => ({ id: idOf(row), model: row.value.model, text: row.value.text ?? '' })),
      source: isJudge
        ? { kind: 'judge', judge: value.source, promptHash: value.promptHash }
        : { kind: 'human', annotatorId: value.source, simulated: value.simulated === 'true' },
      presented: byPosition.map(idOf),
      ratings: Object.fromEntries(
        rows.map((row) => [idOf(row), scoresOf(row)]).filter(([, scores]) => Object.keys(scores ?? {}).length > 0),
      ),
      comparison: {
        kind,
        ...(kind === 'best' && best !== undefined ? { candidateId: idOf(best) } : {}),
        ...(kind === 'skip' || kind === 'missing' ? { reason: value.reason ?? null } : {}),
      },
      ...(value.strength === undefined ? {} : { strength: numberOf(value.strength) }),
      ...(value.bothBad === 'true' ? { bothBad: true } : {}),
      ...(ranking.length === 0 ? {} : { ranking }),
      ...(flags.length === 0 ? {} : { flags: Object.fromEntries(flags) }),
      ...(corrections.length === 0 ? {} : { corrections: Object.fromEntries(corrections) }),
      ...(value.comment === undefined ? {} : { comment: value.comment }),
      durationMs: numberOf(value.durationMs),
      createdAt: value.createdAt,
      ...(value.role === undefined ? {} : { role: value.role }),
    },
  };
}

const scoresOf = ({ value }: Row): Record<string, number> =>
  Object.fromEntries(
    Object.entries(value).flatMap(([column, cell]) =>
      column.startsWith(RATING_COLUMN) ? [[column.slice(RATING_COLUMN.length), Number(cell)]] : [],
    ),
  );
