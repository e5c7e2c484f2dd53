// The labels of a candidate set as a file: every judgement that counts, each annotator's apart, or as preferences.
import Papa from 'papaparse';
import type { ExportFormat } from '../core/annotation/exchange.ts';
import { type CandidateItem, readCandidateSet } from '../core/candidateSet.ts';
import type { ArtifactId, CandidateId } from '../core/ids.ts';
import { toJsonl } from '../core/jsonl.ts';
import { latestJudgements } from '../core/judgements.ts';
import type { Candidate, Judgement } from '../core/records.ts';
import type { Workspace } from '../store/workspace.ts';
import { CSV_COLUMNS, RATING_COLUMN } from './fromOwn.ts';

/** One judgement with the item it is of. */
interface Labelled extends CandidateItem {
  judgement: Judgement;
}

/** @throws not-found, bad-input, storage-failed. */
export async function exportLabels(workspace: Workspace, id: ArtifactId, format: ExportFormat): Promise<string> {
  const dir = workspace.artifacts.dir(workspace.artifacts.require(id, 'candidate-set'));
  const items = new Map((await readCandidateSet(dir, id)).map((entry) => [entry.item.id, entry]));
  const labelled = latestJudgements(await workspace.judgements(id).read()).flatMap((judgement): Labelled[] => {
    const entry = items.get(judgement.itemId);
    return entry === undefined ? [] : [{ ...entry, judgement }];
  });
  switch (format) {
    case 'jsonl':
      return toJsonl(labelled.map(fullLine));
    case 'csv':
      return csvOf(labelled);
    case 'trl':
    case 'trl-conversational':
      return toJsonl(labelled.flatMap((one) => preferenceLines(one, format === 'trl-conversational')));
    case 'demonstrations':
      return toJsonl(demonstrations(labelled));
    default:
      return format satisfies never;
  }
}

const shownCandidate = ({ id, model, text, audio }: Candidate) => ({
  id,
  model,
  text,
  ...(audio === undefined ? {} : { audio: audio.file }),
});

const fullLine = ({ judgement, prompt, candidates }: Labelled) => ({
  ...judgement,
  messages: prompt.messages,
  candidates: candidates.map(shownCandidate),
});

const sourceName = ({ source }: Judgement) => (source.kind === 'human' ? source.annotatorId : source.judge);

/** Also where the cell has several lines, and where it has the apostrophe already. */
const FORMULA = /^'*[=+\-@\t\r]/;

function csvOf(labelled: ReadonlyArray<Labelled>): string {
  const rows = labelled.flatMap(csvRows);
  const criteria = [...new Set(rows.flatMap((row) => Object.keys(row).filter((key) => key.startsWith(RATING_COLUMN))))];
  // A spreadsheet takes what begins with = or the like for a formula; an apostrophe before it says that it is text.
  return `${Papa.unparse(rows, { columns: [...CSV_COLUMNS, ...criteria.sort()], escapeFormulae: FORMULA, newline: '\n' })}\n`;
}

/** One row a reply. */
function csvRows({ judgement, prompt, candidates }: Labelled): Record<string, unknown>[] {
  const { source, comparison, presented, ranking } = judgement;
  return candidates.map((candidate) => ({
    judgementId: judgement.id,
    itemId: judgement.itemId,
    promptId: judgement.promptId,
    sourceKind: source.kind,
    source: sourceName(judgement),
    promptHash: source.kind === 'judge' ? source.promptHash : undefined,
    simulated: source.kind === 'human' ? source.simulated : undefined,
    messages: JSON.stringify(prompt.messages),
    candidateId: candidate.id,
    model: candidate.model,
    text: candidate.text,
    position: presented.indexOf(candidate.id) + 1,
    comparison: comparison.kind,
    isBest: comparison.kind === 'best' ? comparison.candidateId === candidate.id : undefined,
    reason: 'reason' in comparison ? comparison.reason : undefined,
    strength: judgement.strength,
    bothBad: judgement.bothBad,
    place: ranking === undefined ? undefined : ranking.findIndex((place) => place.includes(candidate.id)) + 1,
    flags: judgement.flags?.[candidate.id]?.join(' '),
    correction: judgement.corrections?.[candidate.id],
    comment: judgement.comment,
    durationMs: judgement.durationMs,
    createdAt: judgement.createdAt,
    role: judgement.role,
    late: judgement.late,
    projectId: judgement.projectId,
    submissionId: judgement.submissionId,
    ...Object.fromEntries(
      Object.entries(judgement.ratings[candidate.id] ?? {}).map(([criterion, score]) => [
        RATING_COLUMN + criterion,
        score,
      ]),
    ),
  }));
}

/** Whether the judgement says that a is better than b: by its ranking, else by the best that it names. */
function prefers({ ranking, comparison }: Judgement, a: CandidateId, b: CandidateId): boolean {
  if (ranking !== undefined) {
    const placeOf = (id: CandidateId) => ranking.findIndex((place) => place.includes(id));
    return placeOf(a) < placeOf(b);
  }
  return comparison.kind === 'best' && comparison.candidateId === a && a !== b;
}

/** A line for each pair of replies of which the judgement prefers one; ties give none, since TRL has no word for them. */
function preferenceLines({ judgement, prompt, candidates }: Labelled, isConversational: boolean) {
  const { comparison, role, strength, createdAt, source } = judgement;
  if (comparison.kind === 'skip' || comparison.kind === 'missing') return [];
  const said = (text: string) => (isConversational ? [{ role: 'assistant', content: text }] : text);
  const [only, ...more] = prompt.messages;
  const plain = more.length === 0 && only !== undefined ? only.content : promptText(prompt.messages);
  return candidates.flatMap((chosen) =>
    candidates
      .filter((rejected) => prefers(judgement, chosen.id, rejected.id))
      .map((rejected) => ({
        prompt: isConversational ? prompt.messages : plain,
        chosen: said(chosen.text),
        rejected: said(rejected.text),
        annotator: sourceName(judgement),
        source_kind: source.kind,
        ...(source.kind === 'human' ? { simulated: source.simulated } : {}),
        item_id: judgement.itemId,
        judgement_id: judgement.id,
        chosen_model: chosen.model,
        rejected_model: rejected.model,
        chosen_ratings: judgement.ratings[chosen.id] ?? null,
        rejected_ratings: judgement.ratings[rejected.id] ?? null,
        ...(strength === undefined ? {} : { strength }),
        ...(role === undefined ? {} : { role }),
        createdAt,
      })),
  );
}

/** A conversation of several turns as one text, for the standard form, which knows no turns. */
const promptText = (messages: ReadonlyArray<{ role: string; content: string }>) =>
  messages.map(({ role, content }) => `${role}: ${content}`).join('\n\n');

/** Each correction as a line of a prompt file: what `fourfold sft` learns. The first of a prompt keeps its id. */
function demonstrations(labelled: ReadonlyArray<Labelled>) {
  const seen = new Map<string, number>();
  return labelled.flatMap(({ judgement, prompt }) =>
    Object.values(judgement.corrections ?? {}).map((demonstration) => {
      const number = (seen.get(prompt.id) ?? 0) + 1;
      seen.set(prompt.id, number);
      const { messages, dimension, split } = prompt;
      const id = number === 1 ? prompt.id : `${prompt.id}-correction-${number}`;
      return { id, ...(dimension === null ? {} : { dimension }), split, messages, demonstration };
    }),
  );
}
