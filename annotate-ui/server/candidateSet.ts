// A candidate set as the labeling server holds it: items with their prompts and reply texts, without what made them.
import { readCandidateSet } from '../../src/core/candidateSet.ts';
import { FourfoldError } from '../../src/core/errors.ts';
import type { ArtifactId, CandidateId, ItemId, PromptId } from '../../src/core/ids.ts';
import type { Message } from '../../src/core/records.ts';
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
  const entries = await readCandidateSet(dir, id);
  const textOf = new Map(entries.flatMap(({ candidates }) => candidates.map((one) => [one.id, one.text] as const)));
  const labelingItems = entries.map(
    ({ item, prompt }): LabelingItem => ({
      id: item.id,
      promptId: item.promptId,
      messages: prompt.messages,
      candidateIds: item.candidateIds,
    }),
  );
  if (labelingItems.length === 0) {
    throw new FourfoldError(
      'bad-input',
      `Expected items with two candidates or more in ${id}; there is none. Sample more replies a prompt with: fourfold candidates.`,
    );
  }
  return { id, items: labelingItems, textOf };
}
