// Preference sets as TRL and the hub know them: {prompt, chosen, rejected}, as texts or as conversations, the prompt
// beside them or, as both conversations' common beginning, within them.
import type { Message } from '../core/records.ts';
import { asMessages, asObject, asText, type ImportedRecord, type Row, UnusableRow } from './importedRecord.ts';

/** @param annotator who is put down for preferences that name nobody */
export function fromPreferences({ place, value }: Row, annotator: string): ImportedRecord {
  const { messages, chosen, rejected } = partsOf(value);
  const source = asText(value.annotator ?? value.annotatorId) ?? annotator;
  const createdAt = asText(value.createdAt);
  const strength = value.strength;
  return {
    place,
    messages,
    replies: [
      { name: 'chosen', text: chosen, model: asText(value.chosen_model ?? value.chosenModel) ?? 'imported' },
      { name: 'rejected', text: rejected, model: asText(value.rejected_model ?? value.rejectedModel) ?? 'imported' },
    ],
    verdicts: [
      {
        source,
        simulated: value.simulated === true,
        ratings: {},
        comparison: { kind: 'best', candidateId: 'chosen' as never },
        details: strength === 1 || strength === 2 || strength === 3 ? { strength } : {},
        durationMs: null,
        createdAt:
          createdAt !== null && !Number.isNaN(Date.parse(createdAt)) ? new Date(createdAt).toISOString() : null,
      },
    ],
  };
}

function partsOf(value: Record<string, unknown>): { messages: Message[]; chosen: string; rejected: string } {
  const prompt = asMessages(value.prompt ?? value.question ?? value.instruction ?? value.input);
  const [chosen, rejected] = [replyOf(value.chosen), replyOf(value.rejected)];
  if (chosen === null || rejected === null)
    throw new UnusableRow('chosen and rejected: expected texts or conversations');
  const before = prompt ?? sharedBeginning(chosen.before, rejected.before);
  if (before === null || before.length === 0)
    throw new UnusableRow('prompt: expected one, beside the replies or within them');
  return { messages: withSystem(value, before), chosen: chosen.text, rejected: rejected.text };
}

function withSystem({ system }: Record<string, unknown>, messages: Message[]): Message[] {
  const text = asText(system);
  return text === null || text === '' || messages[0]?.role === 'system'
    ? messages
    : [{ role: 'system', content: text }, ...messages];
}

/** The last turn of a conversation, and those before it; a text is all reply. */
function replyOf(value: unknown): { text: string; before: Message[] } | null {
  if (typeof value === 'string') return { text: value, before: [] };
  const turns = asMessages(asObject(value) === null ? value : [value]);
  const last = turns?.at(-1);
  return turns === null || last?.role !== 'assistant' ? null : { text: last.content, before: turns.slice(0, -1) };
}

function sharedBeginning(a: Message[], b: Message[]): Message[] | null {
  return JSON.stringify(a) === JSON.stringify(b) ? a : null;
}
