// Opens the desk of a candidate set from what is on the disk: the set, its judgements, its project, and labeling/<set>.
import { join } from 'node:path';
import type { Workspace } from '../../../src/store/workspace.ts';
import { type DeskEvents, LabelingDesk } from './desk.ts';
import { Holdings } from './holdings.ts';
import { openJudgementBook } from './judgementBook.ts';
import { chooseCandidateSet, loadLabelingSet } from './labelingSet.ts';
import { Members } from './members.ts';
import { openWorkLog } from './workLog.ts';

export interface DeskSettings {
  /** The set to label; null for the newest. */
  candidateSetId?: string | null;
  /** Milliseconds since 1970; the system's clock where absent. */
  clock?: () => number;
}

/** @throws not-found, bad-input, storage-failed. */
export async function openDesk(
  workspace: Workspace,
  { candidateSetId = null, clock = Date.now }: DeskSettings,
  events: Partial<DeskEvents> = {},
): Promise<LabelingDesk> {
  const set = await loadLabelingSet(workspace, chooseCandidateSet(workspace, candidateSetId));
  const project = workspace.projects.ofSet(set.id);
  // By the set, not the project: settings may come and go, what people have in hand and where they stand stays.
  const dir = join(workspace.dir, 'labeling', set.id);
  return new LabelingDesk({
    project,
    set,
    book: await openJudgementBook(workspace, set),
    holdings: new Holdings(await openWorkLog(join(dir, 'work.jsonl'))),
    members: await Members.open(join(dir, 'members.jsonl')),
    events,
    clock,
  });
}
