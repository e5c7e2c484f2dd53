// A candidate set as the labeling server holds it: items with their prompts and replies, without what made them.
import { readCandidateSet } from '../../../src/core/candidateSet.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { AnnotatorId, ArtifactId, CandidateId, ItemId, PromptId } from '../../../src/core/ids.ts';
import { randomFrom, seedOf, shuffled } from '../../../src/core/random.ts';
import type { AudioFile, Message } from '../../../src/core/records.ts';
import type { Workspace } from '../../../src/store/workspace.ts';

export interface LabelingItem {
  id: ItemId;
  /** Place in the set. */
  index: number;
  promptId: PromptId;
  messages: Message[];
  /** In the set's order; each annotator sees an order of their own. */
  candidateIds: CandidateId[];
  /** Names the model versions that wrote the replies; for balancing only, never sent to anyone. */
  versions: string;
}

export interface LabelingSet {
  id: ArtifactId;
  /** The set's folder. */
  dir: string;
  items: LabelingItem[];
  byId: ReadonlyMap<string, LabelingItem>;
  textOf: ReadonlyMap<CandidateId, string>;
  audioOf: ReadonlyMap<string, AudioFile>;
}

/** The id of the set to label: the given one, else the newest. @throws not-found. */
export function chooseCandidateSet(workspace: Workspace, id: string | null): ArtifactId {
  if (id !== null) return workspace.artifacts.require(id, 'candidate-set').id;
  const latest = workspace.artifacts.latest('candidate-set');
  if (latest !== null) return latest.id;
  throw new FourfoldError(
    'not-found',
    `Expected a candidate set to label; ${workspace.dir} has none. Make one with: fourfold candidates, or bring replies with: fourfold labels import.`,
  );
}

/** Reads the set's files once. @throws not-found, bad-input (naming file and line). */
export async function loadLabelingSet(workspace: Workspace, id: ArtifactId): Promise<LabelingSet> {
  const dir = workspace.artifacts.dir(workspace.artifacts.require(id, 'candidate-set'));
  const entries = await readCandidateSet(dir, id);
  if (entries.length === 0) {
    throw new FourfoldError(
      'bad-input',
      `Expected items with two candidates or more in ${id}; there is none. Sample more replies a prompt with: fourfold candidates.`,
    );
  }
  const all = entries.flatMap(({ candidates }) => candidates);
  const items = entries.map(
    ({ item, prompt, candidates }, index): LabelingItem => ({
      id: item.id,
      index,
      promptId: item.promptId,
      messages: prompt.messages,
      candidateIds: item.candidateIds,
      versions: [...new Set(candidates.map(({ model }) => model))].sort().join('\n'),
    }),
  );
  return {
    id,
    dir,
    items,
    byId: new Map(items.map((item) => [item.id, item])),
    textOf: new Map(all.map(({ id: candidateId, text }) => [candidateId, text])),
    audioOf: new Map(
      all.flatMap(({ id: candidateId, audio }) => (audio === undefined ? [] : [[candidateId, audio] as const])),
    ),
  };
}

/** The order in which an annotator sees the item's candidates. */
export function presentedOrder(annotatorId: AnnotatorId, item: LabelingItem): CandidateId[] {
  return shuffled(item.candidateIds, randomFrom(seedOf(annotatorId, item.id)));
}

/**
 * The items in an order every beginning of which holds all prompts and all combinations of versions about equally
 * often: first one item of each prompt, then a second one; within such a round the items of each combination are spread
 * evenly, the i-th of m at (i + ½) / m of the way.
 */
export function balancedOrder(items: ReadonlyArray<LabelingItem>, seed: number): LabelingItem[] {
  const random = randomFrom(seed);
  const ofPrompt = new Map<string, number>();
  const groups = new Map<string, Array<{ item: LabelingItem; round: number }>>();
  for (const item of shuffled(items, random)) {
    const round = ofPrompt.get(item.promptId) ?? 0;
    ofPrompt.set(item.promptId, round + 1);
    const key = `${round}\n${item.versions}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [{ item, round }]);
    else group.push({ item, round });
  }
  const placed = [...groups.values()].flatMap((group) =>
    group.map(({ item, round }, i) => ({ item, at: round + (i + 0.5) / group.length, tie: random.uniform() })),
  );
  return placed.sort((a, b) => a.at - b.at || a.tie - b.tie).map(({ item }) => item);
}
