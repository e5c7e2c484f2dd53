// A candidate set as the labeling server holds it: items with their prompts and reply texts, without what made them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from '../../src/core/errors.ts';
import { ArtifactId, CandidateId, ItemId, PromptId } from '../../src/core/ids.ts';
import { readJsonl } from '../../src/core/jsonl.ts';
import { Candidate, type Item, itemsOf, type Message, Prompt } from '../../src/core/records.ts';
import type { Workspace } from '../../src/store/workspace.ts';

export interface LabelingItem {
  id: ItemId;
  promptId: PromptId;
  messages: Message[];
  /** In the set's order; each annotator sees an order of their own. */
  candidateIds: CandidateId[];
}

export interface LabelingSet {
  id: ArtifactId;
  items: LabelingItem[];
  textOf: ReadonlyMap<CandidateId, string>;
}

const ItemLine = z.strictObject({
  id: ItemId,
  candidateSetId: ArtifactId,
  promptId: PromptId,
  candidateIds: z.array(CandidateId).min(2).max(6),
}) satisfies z.ZodType<Item>;

/** The id of the set to label: the given one, else the newest. @throws not-found. */
export function chooseCandidateSet(workspace: Workspace, id: string | null): ArtifactId {
  if (id !== null) return workspace.artifacts.require(id, 'candidate-set').id;
  const latest = workspace.artifacts.latest('candidate-set');
  if (latest !== null) return latest.id;
  throw new FourfoldError(
    'not-found',
    `Expected a candidate set to label; ${workspace.dir} has none. Make one with: fourfold candidates.`,
  );
}

/** Reads the set's files once. @throws not-found, bad-input (naming file and line). */
export async function loadLabelingSet(workspace: Workspace, id: ArtifactId): Promise<LabelingSet> {
  const dir = workspace.artifacts.dir(workspace.artifacts.require(id, 'candidate-set'));
  const prompts = await readJsonl(join(dir, 'prompts.jsonl'), Prompt);
  const candidates = await readJsonl(join(dir, 'candidates.jsonl'), Candidate);
  const itemsPath = join(dir, 'items.jsonl');
  const items: Item[] = existsSync(itemsPath) ? await readJsonl(itemsPath, ItemLine) : itemsOf(id, candidates);
  const messagesOf = new Map(prompts.map((prompt) => [prompt.id, prompt.messages]));
  const textOf = new Map(candidates.map((candidate) => [candidate.id, candidate.text]));
  const broken = (item: Item, what: string) =>
    new FourfoldError(
      'bad-input',
      `${itemsPath}: ${item.id} names ${what}, which the set does not hold. Make the set again with: fourfold candidates.`,
    );
  const labelingItems = items.map((item): LabelingItem => {
    const messages = messagesOf.get(item.promptId);
    if (messages === undefined) throw broken(item, `prompt ${item.promptId}`);
    const lost = item.candidateIds.find((candidateId) => !textOf.has(candidateId));
    if (lost !== undefined) throw broken(item, `candidate ${lost}`);
    return { id: item.id, promptId: item.promptId, messages, candidateIds: item.candidateIds };
  });
  if (labelingItems.length === 0) {
    throw new FourfoldError(
      'bad-input',
      `Expected items with two candidates or more in ${id}; there is none. Sample more replies a prompt with: fourfold candidates.`,
    );
  }
  return { id, items: labelingItems, textOf };
}
