// Makes a pair set from the judgements of a candidate set: reads, merges, writes the artefact.
// pairs.jsonl, judgements.jsonl (those that were merged), merge.json (weights, reliability, agreement).
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { readCandidateSet } from '../core/candidateSet.ts';
import { FourfoldError } from '../core/errors.ts';
import { toJsonl } from '../core/jsonl.ts';
import { decisiveJudgements, latestJudgements } from '../core/judgements.ts';
import { type Judgement, sourceKey } from '../core/records.ts';
import type { Workspace } from '../store/workspace.ts';
import { mergeJudgements } from './merge.ts';
import { type MergeReport, reportMerge } from './mergeReport.ts';
import type { PairsConfig } from './pairsConfig.ts';
import { isVerdict } from './preferences.ts';

export interface PairsResult {
  artifact: ArtifactOf<'pair-set'>;
  report: MergeReport;
}

/**
 * @throws not-found without a candidate set; bad-input without judgements of it, for a judgement of a candidate that
 *   the set does not hold, and where no pair is left. Each says what to run.
 */
export async function buildPairs(options: { workspace: Workspace; config: PairsConfig }): Promise<PairsResult> {
  const { workspace, config } = options;
  const set = chosenSet(workspace, config.candidateSet);
  const items = await readCandidateSet(workspace.artifacts.dir(set), set.id);
  const judgements = inOrder(
    chosenJudgements(decisiveJudgements(latestJudgements(await workspace.judgements(set.id).read())), set.id, config),
  );
  const known = new Map(items.map(({ item, candidates }) => [item.id, new Set(candidates.map(({ id }) => id))]));
  for (const { id, itemId, presented } of judgements) {
    const held = known.get(itemId);
    if (held !== undefined && presented.every((candidateId) => held.has(candidateId))) continue;
    throw new FourfoldError(
      'bad-input',
      `Expected judgements of items of ${set.id}, but ${id} is of ${itemId}, which the set does not hold in this form.`,
    );
  }
  const merged = mergeJudgements({
    judgements,
    candidates: items.flatMap(({ candidates }) => candidates),
    prompts: items.map(({ prompt }) => prompt),
    config,
    seed: config.seed,
  });
  const { pairs } = merged;
  if (pairs.length === 0) {
    throw new FourfoldError(
      'bad-input',
      `Expected pairs from ${judgements.length} judgements of ${set.id}, got none: all were skipped or missing, replies were the same, or margins were below ${config.minMargin}. Label more with: fourfold serve, or lower --min-margin.`,
    );
  }
  const report = reportMerge(merged, judgements);
  const artifact = await workspace.artifacts.create<'pair-set'>(
    {
      kind: 'pair-set',
      parents: [set.id],
      seed: config.seed,
      config: { ...config, candidateSet: set.id },
      engine: null,
      round: set.round,
      runId: null,
      metrics: metricsOf(report),
      sources: report.sources.map(({ source, kind, judgements: count }) => ({
        source,
        kind,
        judgements: count,
        promptHash: promptHashOf(source, judgements),
      })),
    },
    async (dir) => {
      await writeFile(join(dir, 'pairs.jsonl'), toJsonl(pairs));
      await writeFile(join(dir, 'judgements.jsonl'), toJsonl(judgements));
      await writeFile(join(dir, 'merge.json'), `${JSON.stringify(report, null, 2)}\n`);
    },
  );
  return { artifact, report };
}

function chosenSet(workspace: Workspace, id: string): ArtifactOf<'candidate-set'> {
  if (id !== 'latest') return workspace.artifacts.require(id, 'candidate-set');
  const latest = workspace.artifacts.latest('candidate-set');
  if (latest !== null) return latest;
  throw new FourfoldError(
    'not-found',
    `Expected a candidate set; ${workspace.dir} has none. Make one with: fourfold candidates.`,
  );
}

/** By prompt and source: sums then do not depend on who was quicker, and a repeated job gives the same pairs bit for bit. */
function inOrder(judgements: ReadonlyArray<Judgement>): Judgement[] {
  const keyOf = ({ promptId, source, itemId }: Judgement) => `${promptId} ${sourceKey(source)} ${itemId}`;
  const keyed = judgements.map((judgement) => ({ judgement, key: keyOf(judgement) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ judgement }) => judgement);
}

function chosenJudgements(all: ReadonlyArray<Judgement>, setId: string, config: PairsConfig): Judgement[] {
  if (!all.some(isVerdict)) {
    const what = all.length === 0 ? 'got none' : `got ${all.length}, all of them skipped or missing`;
    throw new FourfoldError(
      'bad-input',
      `Expected judgements of ${setId}, ${what}. Label it with: fourfold serve, or judge it with: fourfold judge.`,
    );
  }
  if (config.sources.length === 0) return [...all];
  const present = new Set(all.map(({ source }) => sourceKey(source)));
  const unknown = config.sources.find((source) => !present.has(source));
  if (unknown !== undefined) {
    throw new FourfoldError(
      'bad-option',
      `Expected sources that judged ${setId}, got ${unknown}. Known: ${[...present].join(', ')}.`,
    );
  }
  return all.filter(({ source }) => config.sources.includes(sourceKey(source)));
}

function promptHashOf(source: string, judgements: ReadonlyArray<Judgement>): string | null {
  const found = judgements.findLast((judgement) => sourceKey(judgement.source) === source)?.source;
  return found?.kind === 'judge' ? found.promptHash : null;
}

function metricsOf(report: MergeReport): Record<string, number> {
  const { pairs, trainPairs, heldoutPairs, prompts, ties, meanSoftLabel, meanMargin } = report;
  const figures = { pairs, trainPairs, heldoutPairs, prompts, ties, meanSoftLabel, meanMargin };
  return Object.fromEntries(Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== null));
}
