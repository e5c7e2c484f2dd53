// From the answers of other tools' questions to a verdict. Such tools know no replies, only fields with names; an answer
// names a field, or its question's name holds it.
import type { ImportedVerdict } from './importedRecord.ts';
import { asList, asObject, asText } from './importedRecord.ts';

/** Fields that are the prompt, best first; whatever else is told by REPLY. */
const PROMPT = ['messages', 'prompt', 'instruction', 'question', 'query', 'context', 'input', 'conversation'];
const REPLY = /^(response|reply|answer|completion|generation|output|candidate|text|model)[\s_-]*([a-f]|\d+)?$/i;

export function promptFieldOf(names: ReadonlyArray<string>): string | null {
  return PROMPT.flatMap((known) => names.filter((name) => name.toLowerCase() === known))[0] ?? null;
}

/** Names of the fields that are replies, in their natural order. */
export function replyFieldsOf(names: ReadonlyArray<string>, promptField: string | null): string[] {
  return names
    .filter((name) => name !== promptField && REPLY.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

const TIE = /^(tie|equal|same|both|draw|neither|no[ _-]?preference)/i;
const normal = (text: string) => text.toLowerCase().replaceAll(/[\s_-]+/g, '');

/** The reply that the text means: by name, by letter or by number; 'tie'; or null. */
export function replyMeant(text: string, replies: ReadonlyArray<string>): string | null {
  const wanted = normal(text);
  const byName = replies.find((name) => normal(name) === wanted);
  if (byName !== undefined) return byName;
  if (TIE.test(text.trim())) return 'tie';
  const place = /^[a-f]$/.test(wanted)
    ? wanted.charCodeAt(0) - 'a'.charCodeAt(0)
    : /^[1-6]$/.test(wanted)
      ? Number(wanted) - 1
      : null;
  return place === null ? null : (replies[place] ?? null);
}

/**
 * Puts answers together to a verdict: rankings ([{value, rank}]), a named reply, ratings from 1 to 5 whose question's name
 * holds the reply's, and comments.
 * @returns the verdict's parts and what was not understood.
 */
export function verdictOfAnswers(
  answers: Readonly<Record<string, unknown>>,
  replies: ReadonlyArray<string>,
): Pick<ImportedVerdict, 'ratings' | 'comparison' | 'details'> & { unknown: string[] } {
  const ratings: Record<string, Record<string, number>> = {};
  let comparison: ImportedVerdict['comparison'] = { kind: 'none' };
  const details: ImportedVerdict['details'] = {};
  const unknown: string[] = [];
  for (const [question, value] of Object.entries(answers)) {
    const ranking = rankingOf(value, replies);
    const text = asText(value);
    const reply = replies.find((name) => normal(question).includes(normal(name)));
    if (ranking !== null) {
      details.ranking = ranking as NonNullable<ImportedVerdict['details']['ranking']>;
      comparison = comparisonOf(ranking);
    } else if (reply !== undefined && typeof value === 'number') {
      if (!Number.isInteger(value) || value < 1 || value > 5)
        unknown.push(`${question}: ${value} is no score from 1 to 5`);
      else {
        const own = ratings[reply] ?? {};
        own[criterionOf(question, reply)] = value;
        ratings[reply] = own;
      }
    } else if (text !== null && replyMeant(text, replies) !== null) {
      const meant = replyMeant(text, replies) ?? 'tie';
      comparison = meant === 'tie' ? { kind: 'tie' } : { kind: 'best', candidateId: meant as never };
    } else if (text !== null && /comment|reason|explanation|note|feedback/i.test(question)) {
      details.comment = text.slice(0, 4000);
    } else {
      unknown.push(question);
    }
  }
  return { ratings, comparison, details, unknown };
}

export function comparisonOf(ranking: ReadonlyArray<ReadonlyArray<string>>): ImportedVerdict['comparison'] {
  const [best, another] = ranking[0] ?? [];
  return best !== undefined && another === undefined ? { kind: 'best', candidateId: best as never } : { kind: 'tie' };
}

function rankingOf(value: unknown, replies: ReadonlyArray<string>): string[][] | null {
  const ranks = asList(value)?.map((one) => {
    const { value: name, rank } = asObject(one) ?? {};
    const meant = replyMeant(asText(name) ?? '', replies);
    return typeof rank === 'number' && meant !== null && meant !== 'tie' ? { meant, rank } : null;
  });
  if (ranks === undefined || ranks.length !== replies.length || ranks.includes(null)) return null;
  const places = new Map<number, string[]>();
  for (const { meant, rank } of ranks.filter((one) => one !== null))
    places.set(rank, [...(places.get(rank) ?? []), meant]);
  return [...places].sort(([a], [b]) => a - b).map(([, names]) => names);
}

/** What of the question's name is not the reply's: 'fluency_response_1' rates 'fluency'; 'rating' where nothing is left. */
function criterionOf(question: string, reply: string): string {
  const rest = question.replace(
    new RegExp(reply.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/[\s_-]+/g, '[\\s_-]*'), 'i'),
    '',
  );
  const words = rest.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const name = words
    .map((word, i) => (i === 0 ? word.charAt(0).toLowerCase() : word.charAt(0).toUpperCase()) + word.slice(1))
    .join('');
  return /^[A-Za-z]/.test(name) ? name.slice(0, 40) : 'rating';
}
