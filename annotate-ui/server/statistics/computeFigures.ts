// All heavy figures of a project at once, from what is on the disk. Runs in a worker thread (figuresWorker.ts).
import type { AgreementRow, JudgeRow } from '../../../src/core/annotation/lead.ts';
import type { Project } from '../../../src/core/annotation/project.ts';
import { latestJudgements } from '../../../src/core/judgements.ts';
import { openWorkspace } from '../../../src/store/workspace.ts';
import { loadLabelingSet } from '../labeling/labelingSet.ts';
import { agreementRows, judgeRows } from './agreementRows.ts';
import { type RaterFigures, raterFigures } from './raterRows.ts';

export interface FiguresRequest {
  workspaceDir: string;
  project: Project;
}

export interface Figures {
  computedAt: string;
  raters: RaterFigures[];
  agreement: AgreementRow[];
  judges: JudgeRow[];
}

/** @throws not-found, bad-input, storage-failed. */
export async function computeFigures({ workspaceDir, project }: FiguresRequest): Promise<Figures> {
  const computedAt = new Date().toISOString();
  const workspace = await openWorkspace(workspaceDir);
  const set = await loadLabelingSet(workspace, project.candidateSetId);
  const latest = latestJudgements(await workspace.judgements(set.id).read()).filter(({ itemId }) =>
    set.byId.has(itemId),
  );
  const lengths = new Map<string, number>([...set.textOf].map(([id, text]) => [id, text.length]));
  return {
    computedAt,
    raters: raterFigures(latest, project, (candidateId) => lengths.get(candidateId) ?? 0),
    agreement: agreementRows(latest, project),
    judges: judgeRows(latest, project),
  };
}
