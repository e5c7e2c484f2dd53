// Label Studio's JSON export: a task's data holds prompt and replies, an annotation's results hold pairwise choices
// (left, right), choices, ratings, rankings and texts. Cancelled annotations are skips.
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
import { comparisonOf, promptFieldOf, replyFieldsOf, verdictOfAnswers } from './namedAnswers.ts';

export function fromLabelStudio({ place, value }: Row): { record: ImportedRecord; unknown: string[] } {
  const data = asObject(value.data) ?? {};
  const names = Object.keys(data);
  const promptField = promptFieldOf(names);
  const messages = promptField === null ? null : asMessages(data[promptField]);
  if (messages === null) throw new UnusableRow(`data: expected a prompt, got ${names.join(', ')}`);
  const replies = repliesOf(data, promptField);
  const unknown = new Set<string>();
  const verdicts = (asList(value.annotations ?? value.completions) ?? []).flatMap((one) => {
    const annotation = asObject(one);
    if (annotation === null) return [];
    const { verdict, unknown: own } = verdictOf(annotation, replies);
    for (const what of own) unknown.add(what);
    return [verdict];
  });
  return { record: { place, messages, replies, verdicts }, unknown: [...unknown] };
}

/** Fields named as replies are, or one list of {id, title, body} that the ranker sorts. */
function repliesOf(data: Record<string, unknown>, promptField: string | null): ImportedReply[] {
  const fields = replyFieldsOf(Object.keys(data), promptField).flatMap((name) => {
    const text = asText(data[name]);
    return text === null ? [] : [{ name, text, model: asText(data[`${name}_model`]) ?? 'imported' }];
  });
  if (fields.length > 0) return fields;
  const lists = Object.values(data).map((value) => (asList(value) ?? []).map(asObject));
  const items = lists.find((list) => list.length >= 2 && list.every((item) => asText(item?.id) !== null)) ?? [];
  return items.map((item) => ({
    name: asText(item?.id) ?? '',
    text: asText(item?.body ?? item?.text ?? item?.html) ?? '',
    model: asText(item?.model ?? item?.title) ?? 'imported',
  }));
}

function verdictOf(annotation: Record<string, unknown>, replies: ReadonlyArray<ImportedReply>) {
  const names = replies.map(({ name }) => name);
  const { completed_by: by, created_at: at, lead_time: seconds, was_cancelled: isCancelled } = annotation;
  const base = {
    source: asText(asObject(by)?.email ?? asObject(by)?.id ?? by) ?? 'label-studio',
    durationMs: typeof seconds === 'number' && seconds >= 0 ? Math.round(seconds * 1000) : null,
    createdAt: asText(at),
  };
  if (isCancelled === true) {
    const comparison = { kind: 'skip' as const, reason: null };
    return { verdict: { ...base, ratings: {}, comparison, details: {} }, unknown: [] };
  }
  const answers: Record<string, unknown> = {};
  let comparison: ImportedVerdict['comparison'] | null = null;
  let ranking: string[][] | null = null;
  for (const one of asList(annotation.result) ?? []) {
    const { from_name: from, to_name: to, type, value } = asObject(one) ?? {};
    const said = asObject(value) ?? {};
    const question = [asText(from), asText(to)].filter((name) => name !== null).join(' ');
    if (type === 'pairwise') comparison = pairwise(said.selected, names);
    else if (type === 'rating' && typeof said.rating === 'number') answers[question] = said.rating;
    else if (type === 'choices') answers[question] = asText((asList(said.choices) ?? [])[0]);
    else if (type === 'textarea') answers[`${question} comment`] = (asList(said.text) ?? [said.text]).join('\n');
    else if (type === 'ranker') ranking = rankerOrder(said.ranker, names);
    else if (type !== undefined) answers[question || String(type)] = said;
  }
  const parts = verdictOfAnswers(answers, names);
  const details = ranking === null ? parts.details : { ...parts.details, ranking: ranking as never };
  const outcome = comparison ?? (ranking === null ? parts.comparison : comparisonOf(ranking));
  return { verdict: { ...base, ratings: parts.ratings, comparison: outcome, details }, unknown: parts.unknown };
}

/** `left` is the first reply, `right` the second; no choice is a tie. */
function pairwise(selected: unknown, names: ReadonlyArray<string>): ImportedVerdict['comparison'] {
  const chosen = selected === 'left' ? names[0] : selected === 'right' ? names[1] : undefined;
  return chosen === undefined ? { kind: 'tie' } : { kind: 'best', candidateId: chosen as never };
}

/** One list of ids, or several by name, of which the first that holds all replies is taken. */
function rankerOrder(value: unknown, names: ReadonlyArray<string>): string[][] | null {
  const lists = [asList(value), ...Object.values(asObject(value) ?? {}).map(asList)];
  const full = lists.find((list) => list?.length === names.length && list.every((id) => names.includes(String(id))));
  return full?.map((id) => [String(id)]) ?? null;
}
