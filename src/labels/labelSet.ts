// From imported records to prompts, candidates, items and judgements. Equal prompts become one, equal replies of one model
// to a prompt become one, and several verdicts on the same replies stand under one item.
import type { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { AnnotatorId, type ArtifactId, CandidateId, contentId, ItemId, looksLikeId, PromptId } from '../core/ids.ts';
import { type Candidate, type Item, Judgement, type Message, type Prompt } from '../core/records.ts';
import { sentenceOf } from '../core/zodSentence.ts';
import type { ImportedRecord, ImportedVerdict, PassedOver } from './importedRecord.ts';

export interface LabelSet {
  prompts: Prompt[];
  candidates: Candidate[];
  /** Items and judgements of the candidate set of that id. */
  items(id: ArtifactId): Item[];
  judgements(id: ArtifactId, now: string): Judgement[];
  /** Sound files that candidates need: path in the imported file, file in the candidate set. */
  audio: Array<{ from: string; file: string }>;
  passedOver: PassedOver[];
}

interface Group {
  promptId: PromptId;
  candidateIds: CandidateId[];
  verdicts: Array<{ verdict: ImportedVerdict; idOf: (name: string) => CandidateId; place: string }>;
}

const MOST_REPLIES = 6;
const AUDIO_TYPES: Record<string, NonNullable<Candidate['audio']>['type']> = {
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  flac: 'audio/flac',
  webm: 'audio/webm',
  m4a: 'audio/mp4',
  mp4: 'audio/mp4',
};

export function buildLabelSet(records: ReadonlyArray<ImportedRecord>): LabelSet {
  const prompts = new Map<string, Prompt>();
  const candidates = new Map<string, Candidate>();
  const groups = new Map<string, Group>();
  const audio = new Map<string, string>();
  const passedOver: PassedOver[] = [];
  for (const record of records) {
    const reason = problemOf(record);
    if (reason !== null) {
      passedOver.push({ record: record.place, reason });
      continue;
    }
    const promptId = promptOf(record, prompts);
    const ids = new Map<string, CandidateId>();
    for (const reply of record.replies) {
      const file = reply.audio === undefined ? null : audioFileOf(reply.audio);
      const id = candidateIdOf(promptId, reply);
      ids.set(reply.name, id);
      if (file !== null && reply.audio !== undefined) audio.set(reply.audio, file.file);
      if (!candidates.has(id)) candidates.set(id, candidateOf(id, promptId, reply, candidates.size, file));
    }
    const candidateIds = [...new Set(ids.values())].sort();
    if (candidateIds.length < 2) {
      passedOver.push({ record: record.place, reason: 'its replies are all the same' });
      continue;
    }
    const key = JSON.stringify([promptId, candidateIds]);
    const group = groups.get(key) ?? { promptId, candidateIds, verdicts: [] };
    groups.set(key, group);
    const idOf = (name: string) => ids.get(name) ?? CandidateId.parse(name);
    for (const verdict of record.verdicts) group.verdicts.push({ verdict, idOf, place: record.place });
  }
  const itemIdOf = (id: ArtifactId, { promptId, candidateIds }: Group) =>
    ItemId.parse(`item-${contentId(id, promptId, ...candidateIds)}`);
  return {
    prompts: [...prompts.values()],
    candidates: [...candidates.values()],
    items: (id) =>
      [...groups.values()].map((group) => ({
        id: itemIdOf(id, group),
        candidateSetId: id,
        promptId: group.promptId,
        candidateIds: group.candidateIds,
      })),
    judgements: (id, now) =>
      [...groups.values()].flatMap((group) =>
        group.verdicts.flatMap(({ verdict, idOf, place }, i) => {
          const itemId = itemIdOf(id, group);
          const draft = judgementOf({ id, itemId, group, verdict, idOf, now, number: i });
          const parsed = Judgement.safeParse(draft);
          if (parsed.success) return [parsed.data];
          passedOver.push({ record: place, reason: sentenceOf(parsed.error as z.ZodError, draft) });
          return [];
        }),
      ),
    audio: [...audio].map(([from, file]) => ({ from, file })),
    passedOver,
  };
}

function problemOf({ messages, replies }: ImportedRecord): string | null {
  if (messages.length === 0 || messages.at(-1)?.role === 'assistant')
    return 'its prompt does not end with the user’s turn';
  if (replies.length < 2) return `it has ${replies.length} replies; expected two or more`;
  if (replies.length > MOST_REPLIES) return `it has ${replies.length} replies; expected ${MOST_REPLIES} at most`;
  return null;
}

function promptOf({ promptId, messages }: ImportedRecord, prompts: Map<string, Prompt>): PromptId {
  const key = JSON.stringify(messages.map(({ role, content }: Message) => [role, content]));
  const known = prompts.get(key);
  if (known !== undefined) return known.id;
  const isFree = (id: string) => ![...prompts.values()].some((prompt) => prompt.id === id);
  const own = promptId !== undefined && looksLikeId(promptId) && isFree(promptId) ? promptId : `p-${contentId(key)}`;
  const id = PromptId.parse(own);
  prompts.set(key, { id, dimension: null, split: 'train', messages, demonstration: null });
  return id;
}

function candidateIdOf(promptId: PromptId, { id, model, text, audio }: ImportedRecord['replies'][number]): CandidateId {
  return CandidateId.parse(
    id !== undefined && looksLikeId(id) ? id : `c-${contentId(promptId, model, text, audio ?? '')}`,
  );
}

function candidateOf(
  id: CandidateId,
  promptId: PromptId,
  { model, text }: ImportedRecord['replies'][number],
  sampleIndex: number,
  audio: Candidate['audio'] | null,
): Candidate {
  // How it was sampled is not known; the least that the record's shape allows stands for that.
  const sampling = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 1 };
  const base = { id, promptId, model, sampleIndex, seed: 0, sampling, text, finishReason: 'stop' as const };
  return audio === null || audio === undefined ? base : { ...base, audio };
}

/** @throws bad-input for a type of file that is not played. */
function audioFileOf(path: string): NonNullable<Candidate['audio']> {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const type = AUDIO_TYPES[extension];
  if (type === undefined) {
    throw new FourfoldError(
      'bad-input',
      `${path}: expected a sound file that ends in ${Object.keys(AUDIO_TYPES).join(', ')}.`,
    );
  }
  return { file: `audio/${contentId(path)}.${extension}`, type, seconds: null };
}

interface JudgementParts {
  id: ArtifactId;
  itemId: ItemId;
  group: Group;
  verdict: ImportedVerdict;
  idOf: (name: string) => CandidateId;
  now: string;
  number: number;
}

function judgementOf({ id, itemId, group, verdict, idOf, now, number }: JudgementParts): Record<string, unknown> {
  const { source, isJudge = false, ratings, comparison, details } = verdict;
  const mapped = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [idOf(name), value]));
  const { ranking, corrections, flags, ...rest } = details;
  const createdAt = Date.parse(verdict.createdAt ?? '');
  return {
    id: `imported-${contentId(itemId, source, number)}`,
    candidateSetId: id,
    itemId,
    promptId: group.promptId,
    source: isJudge
      ? { kind: 'judge', judge: source, promptHash: verdict.promptHash ?? 'imported' }
      : { kind: 'human', annotatorId: annotatorIdOf(source), simulated: verdict.simulated ?? false },
    presented: verdict.presented?.map(idOf) ?? group.candidateIds,
    ratings: mapped(ratings),
    comparison: comparison.kind === 'best' ? { kind: 'best', candidateId: idOf(comparison.candidateId) } : comparison,
    ...rest,
    ...(ranking === undefined ? {} : { ranking: ranking.map((place) => place.map(idOf)) }),
    ...(corrections === undefined ? {} : { corrections: mapped(corrections) }),
    ...(flags === undefined ? {} : { flags: mapped(flags) }),
    durationMs: verdict.durationMs,
    createdAt: Number.isNaN(createdAt) ? now : new Date(createdAt).toISOString(),
    ...(verdict.role === undefined ? {} : { role: verdict.role }),
  };
}

/** 'ada@example.org' gives 'ada-example.org': an id that is safe as a name and the same each time. */
export function annotatorIdOf(name: string): AnnotatorId {
  const safe = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return AnnotatorId.parse((safe === '' ? `annotator-${contentId(name)}` : safe).slice(0, 128));
}
