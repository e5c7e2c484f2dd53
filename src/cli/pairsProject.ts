// What a labeling project has to say to `fourfold pairs`: its criteria, and its gate on agreement.
import { agreementRows, gateOf } from '../../annotate-ui/server/statistics/agreementRows.ts';
import { FourfoldError } from '../core/errors.ts';
import { latestJudgements } from '../core/judgements.ts';
import { MergeConfig, type PairsConfig } from '../reward/pairsConfig.ts';
import type { Workspace } from '../store/workspace.ts';

const BUNDLED_WEIGHTS = JSON.stringify(MergeConfig.parse({}).criterionWeights);

/**
 * The options with the project's criteria where no weights were given.
 * @throws not-allowed where raters agree less than the project asks, unless the options say to go on.
 */
export async function applyProject(
  workspace: Workspace,
  config: PairsConfig,
  note: (line: string) => void,
): Promise<PairsConfig> {
  const set =
    config.candidateSet === 'latest'
      ? workspace.artifacts.latest('candidate-set')
      : workspace.artifacts.require(config.candidateSet, 'candidate-set');
  if (set === null) return config;
  const project = workspace.projects.ofSet(set.id);
  if (project.gate !== null) {
    const latest = latestJudgements(await workspace.judgements(set.id).read());
    const { state, reasons } = gateOf(agreementRows(latest, project));
    if (state === 'shut' && !config.ignoreGate) {
      throw new FourfoldError(
        'not-allowed',
        `The gate of ${project.id} is shut: ${reasons.join('; ')}. Settle disputes or label more; --ignore-gate builds the pairs all the same, and the card says so.`,
      );
    }
    if (state === 'shut') note(`The gate of ${project.id} is shut, and is ignored: ${reasons.join('; ')}.`);
  }
  const isBundled = JSON.stringify(config.criterionWeights) === BUNDLED_WEIGHTS;
  if (!isBundled || project.criteria.length === 0) return config;
  return { ...config, criterionWeights: Object.fromEntries(project.criteria.map(({ id }) => [id, 1])) };
}
