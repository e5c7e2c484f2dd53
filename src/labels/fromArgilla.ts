// Exports of Argilla: records as its SDK writes them (2.x, and the FeedbackDataset of 1.x) and as they stand in a data
// set on the hub, where a question's answers are columns. Suggestions, which models made, are left where they are.
import { asList, asMessages, asObject, asText, type ImportedRecord, type Row, UnusableRow } from './importedRecord.ts';
import { promptFieldOf, replyFieldsOf, verdictOfAnswers } from './namedAnswers.ts';

type Answers = Record<string, unknown>;

export function fromArgilla({ place, value }: Row): { record: ImportedRecord; unknown: string[] } {
  const fields = asObject(value.fields) ?? value;
  const names = Object.keys(fields);
  const promptField = promptFieldOf(names);
  const messages = promptField === null ? null : asMessages(fields[promptField]);
  if (messages === null) throw new UnusableRow(`expected a field prompt or instruction, got ${names.join(', ')}`);
  const replyNames = replyFieldsOf(names, promptField).filter((name) => asText(fields[name]) !== null);
  const unknown = new Set<string>();
  const verdicts = [...answersByUser(value)].map(([user, answers]) => {
    const { unknown: own, ...verdict } = verdictOfAnswers(answers, replyNames);
    for (const question of own) unknown.add(question);
    return { source: user, ...verdict, durationMs: null, createdAt: null };
  });
  const replies = replyNames.map((name) => ({ name, text: asText(fields[name]) ?? '', model: modelOf(value, name) }));
  return { record: { place, messages, replies, verdicts }, unknown: [...unknown] };
}

/** The record's metadata may say which model wrote a reply. */
function modelOf({ metadata }: Record<string, unknown>, name: string): string {
  const known = asObject(metadata) ?? {};
  return asText(known[`${name}_model`] ?? known[`${name}-model`] ?? known[`${name}.model`]) ?? 'imported';
}

const isSubmitted = (status: unknown) => status === undefined || status === null || status === 'submitted';

function answersByUser(value: Record<string, unknown>): Map<string, Answers> {
  const found = new Map<string, Answers>();
  const add = (user: unknown, question: string, answer: unknown) => {
    if (answer === null || answer === undefined) return;
    const name = asText(user) ?? 'argilla';
    found.set(name, { ...found.get(name), [question]: answer });
  };
  const { responses } = value;
  for (const response of asList(responses) ?? []) {
    const { user_id, values, status } = asObject(response) ?? {};
    if (!isSubmitted(status)) continue;
    for (const [question, answer] of Object.entries(asObject(values) ?? {})) {
      add(user_id, question, asObject(answer)?.value ?? answer);
    }
  }
  for (const [question, given] of Object.entries(asObject(responses) ?? {})) {
    for (const response of asList(given) ?? []) {
      const { value: answer, user_id, status } = asObject(response) ?? {};
      if (isSubmitted(status)) add(user_id, question, answer);
    }
  }
  for (const [column, answers] of Object.entries(value)) {
    if (!column.endsWith('.responses')) continue;
    const users = asList(value[`${column}.users`]) ?? [];
    const statuses = asList(value[`${column}.status`]) ?? [];
    for (const [i, answer] of (asList(answers) ?? []).entries()) {
      if (isSubmitted(statuses[i])) add(users[i], column.slice(0, -'.responses'.length), answer);
    }
  }
  return found;
}
