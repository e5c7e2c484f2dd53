// What every format of labels is read into: a prompt, replies to it, and what was said of them.
import type { Judgement, judgementDetails, Message } from '../core/records.ts';

export interface ImportedReply {
  text: string;
  /** Which model or person wrote it; 'imported' where the file does not say. */
  model: string;
  /** Kept where the file has one that can be an id. */
  id?: string;
  /** Path of a sound file, relative to the imported file. */
  audio?: string;
  /** What the file calls it: 'response_1'. */
  name: string;
}

/** Names of replies stand where a judgement has candidate ids. */
export interface ImportedVerdict {
  /** Id of the annotator, or of a judge where `isJudge`. */
  source: string;
  isJudge?: boolean;
  promptHash?: string;
  simulated?: boolean;
  presented?: string[];
  ratings: Record<string, Record<string, number>>;
  comparison: Judgement['comparison'];
  details: Pick<Judgement, keyof typeof judgementDetails>;
  durationMs: number | null;
  createdAt: string | null;
  role?: Judgement['role'];
}

export interface ImportedRecord {
  /** Where it stands in the file: 'line 3'. */
  place: string;
  promptId?: string;
  messages: Message[];
  replies: ImportedReply[];
  verdicts: ImportedVerdict[];
}

/** A record that cannot be used, and why. */
export interface PassedOver {
  record: string;
  reason: string;
}

/** A row of a file: an object of a JSON file or line, or the cells of a CSV line by column. */
export interface Row {
  place: string;
  value: Record<string, unknown>;
}

/** Why a row cannot be used; whoever reads rows catches it and goes on with the next. */
export class UnusableRow extends Error {}

export const asText = (value: unknown): string | null =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;

export const asObject = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;

export const asList = (value: unknown): unknown[] | null => (Array.isArray(value) ? value : null);

const ROLES: Record<string, Message['role']> = {
  system: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
};

/** Messages of {role, content} or {from, value}; a plain text is one turn of the user. Null for anything else. */
export function asMessages(value: unknown): Message[] | null {
  if (typeof value === 'string') return value === '' ? null : [{ role: 'user', content: value }];
  const turns = asList(value)?.map((turn) => {
    const { role, from, content, value: said } = asObject(turn) ?? {};
    const known = ROLES[asText(role ?? from) ?? ''];
    const text = asText(content ?? said);
    return known === undefined || text === null ? null : { role: known, content: text };
  });
  if (turns === undefined || turns.length === 0 || turns.includes(null)) return null;
  return turns.filter((turn) => turn !== null);
}
