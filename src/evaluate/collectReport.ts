// Gathers what a workspace knows of a model into the sections of a report: lineage, the curves of the runs that made
// it, agreement, evaluations, configuration. Samples and the verdict are for whoever ran the work to add.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifact } from '../core/artifacts.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import type { Workspace } from '../store/workspace.ts';
import { agreementData, MergeFigures } from './agreementData.ts';
import { evaluationHistory } from './evaluation.ts';
import { comparisonOf, historyOf, type RoleOf, radarOf, replyRowsOf } from './evaluationSections.ts';
import type { ReportInput, Training } from './reportData.ts';
import { lineageData } from './sections/lineage.ts';
import { lossCurve, ppoHistory, rewardModelHistory } from './trainingCurves.ts';

export type CollectedReport = Omit<ReportInput, 'version' | 'title' | 'createdAt' | 'headline'>;

/** @param modelId the artefact that the report is about. @throws not-found, bad-input for files that are damaged. */
export async function collectReport(workspace: Workspace, modelId: string): Promise<CollectedReport> {
  const lineage = workspace.artifacts.lineage(modelId);
  const training = await trainingOf(workspace, lineage);
  const agreement = await agreementOf(workspace, lineage);
  return {
    ...(Object.keys(training).length === 0 ? {} : { training }),
    ...(agreement === null ? {} : { agreement }),
    ...(await evaluationsOf(workspace, lineage)),
    lineage: lineageData(modelId, lineage),
    configuration: Object.fromEntries(lineage.map(({ id, config }) => [id, config])),
  };
}

/** The phase whose curve an artefact's run is. */
function phaseOf(artifact: Artifact): keyof Training | null {
  if (artifact.kind === 'reward-model') return 'rewardModel';
  if (artifact.kind !== 'model') return null;
  switch (artifact.role) {
    case 'base':
      return 'pretrain';
    case 'sft':
      return 'sft';
    case 'policy':
      return 'ppo';
    case 'imported':
      return null;
    default:
      return artifact.role satisfies never;
  }
}

/** Curves of the runs nearest to the model: where two artefacts are of one phase, the later one tells the whole run. */
async function trainingOf(workspace: Workspace, lineage: ReadonlyArray<Artifact>): Promise<Training> {
  const training: Training = {};
  for (const artifact of lineage) {
    const phase = phaseOf(artifact);
    if (phase === null || artifact.runId === null || training[phase] !== undefined) continue;
    const lines = await (await workspace.runs.open(artifact.runId)).metrics.read();
    if (lines.length === 0) continue;
    if (phase === 'ppo') {
      const target = artifact.config.klTarget;
      const history = ppoHistory(lines, typeof target === 'number' ? target : null);
      if (history !== null) training.ppo = history;
    } else if (phase === 'rewardModel') training.rewardModel = rewardModelHistory(lines);
    else training[phase] = lossCurve(lines);
  }
  return training;
}

async function agreementOf(workspace: Workspace, lineage: ReadonlyArray<Artifact>) {
  const pairs = lineage.find((artifact) => artifact.kind === 'pair-set');
  if (pairs === undefined) return null;
  const path = join(workspace.artifacts.dir(pairs), 'merge.json');
  if (!existsSync(path)) return null;
  return agreementData(parseWith(MergeFigures, parseJson(await readTextFile(path), path), path));
}

/** The newest evaluation of each model of the lineage, ancestors first, and the course of all evaluations. */
async function evaluationsOf(workspace: Workspace, lineage: ReadonlyArray<Artifact>): Promise<CollectedReport> {
  const history = await evaluationHistory(workspace.artifacts);
  const newest = lineage.toReversed().flatMap(({ id }) => {
    const found = history.findLast(({ evaluation }) => evaluation.model === id);
    return found === undefined ? [] : [found.evaluation];
  });
  const roleOf: RoleOf = (model) => {
    const artifact = workspace.artifacts.get(model);
    return artifact?.kind === 'model' && artifact.role !== 'imported' ? artifact.role : 'other';
  };
  const radar = radarOf(newest, roleOf);
  return {
    winRates: newest.toReversed().flatMap((evaluation) => comparisonOf(evaluation) ?? []),
    ...(radar === null ? {} : { radar }),
    replies: replyRowsOf(newest, roleOf),
    history: historyOf(history),
  };
}
