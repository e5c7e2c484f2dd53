// The card of a model that leaves the workspace: README.md with YAML front matter, as the hub reads it, and what the
// workspace knows: lineage, data with hashes, evaluations with intervals, training configuration, limits.
// Front matter: https://huggingface.co/docs/hub/model-cards
import { basename, join } from 'node:path';
import type { Artifact, ArtifactOf } from '../core/artifacts.ts';
import { HubOrigin } from '../core/modelFolder.ts';
import { packageVersion } from '../core/packageRoot.ts';
import { type Evaluation, readEvaluation } from '../evaluate/evaluation.ts';
import type { Interval } from '../evaluate/interval.ts';
import type { Artifacts } from '../store/artifacts.ts';
import { lineageTree } from './commands/lineage.ts';

export type ModelArtifact = ArtifactOf<'model'> | ArtifactOf<'reward-model'>;

const ROLES: Record<string, string> = {
  base: 'a base model, pretrained on plain text',
  sft: 'a chat model, fine-tuned on demonstrations',
  policy: 'a chat model, trained with PPO against a reward model',
  imported: 'a model that was made elsewhere, as it was imported',
};

/** Folders of whoever trained are nobody's business: of an absolute path its last name stays. Addresses stay whole. */
function withoutFolders(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(?<![\w:/.])(?:\/[^\s/"]+)*\/([^\s/"]+)/g, '$1');
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutFolders(item)]));
}

const hubOf = (artifact: Artifact) => HubOrigin.safeParse(artifact.config.hub).data ?? null;

/** Models of the hub that the model was made from, reward models left out. */
function baseModels(lineage: ReadonlyArray<Artifact>): HubOrigin[] {
  return lineage.flatMap((artifact) => (artifact.kind === 'model' ? (hubOf(artifact) ?? []) : []));
}

function frontMatter(artifact: ModelArtifact, lineage: ReadonlyArray<Artifact>, isAdapter: boolean): string {
  const bases = [...new Set(baseModels(lineage).map(({ repository }) => repository))];
  const licenses = [...new Set(baseModels(lineage).flatMap(({ license }) => license ?? []))];
  const lines = [
    `library_name: ${isAdapter ? 'peft' : 'transformers'}`,
    `pipeline_tag: ${artifact.kind === 'model' ? 'text-generation' : 'text-classification'}`,
    ...(bases.length === 0 ? [] : ['base_model:', ...bases.map((base) => `- ${base}`)]),
    ...(bases.length === 0 || hubOf(artifact) !== null
      ? []
      : [`base_model_relation: ${isAdapter ? 'adapter' : 'finetune'}`]),
    // The licence of what it was made from; two that differ are for a person to reconcile.
    ...(licenses.length === 1 ? [`license: ${licenses[0]}`] : []),
    'tags:',
    ...['fourfold', 'rlhf', artifact.kind === 'model' ? artifact.role : 'reward-model'].map((tag) => `- ${tag}`),
  ];
  return ['---', ...lines, '---'].join('\n');
}

const table = (head: string[], rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function dataSection(lineage: ReadonlyArray<Artifact>): string {
  const rows = lineage.flatMap((artifact) => {
    const file = Object.entries(artifact.files).find(([name]) => /^(prompts|pairs)\.jsonl$/.test(name));
    if (file === undefined || (artifact.kind !== 'prompt-set' && artifact.kind !== 'pair-set')) return [];
    const counts = Object.entries(artifact.metrics)
      .filter(([, count]) => Number.isInteger(count))
      .map(([name, count]) => `${name} ${count}`);
    const sources =
      artifact.kind === 'pair-set'
        ? artifact.sources.map(({ source, kind, judgements }) => `${source} (${kind}, ${judgements} judgements)`)
        : [];
    return [[artifact.id, artifact.kind, [...counts, ...sources].join(', '), `\`${file[1]}\``]];
  });
  return rows.length === 0
    ? 'No prompt set or pair set of the workspace went into it.'
    : table(['set', 'kind', 'what', 'SHA-256'], rows);
}

const figure = ({ value, low, high }: Interval) => `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;

function evaluationRows(id: string, evaluation: Evaluation): string[][] {
  const { reference, prompts, samplesPerPrompt, reward, rewardGain, winRate, kl } = evaluation;
  const what = `${prompts} prompts, ${samplesPerPrompt} replies each${reference === null ? '' : `, against ${reference}`}`;
  const figures: Array<[string, Interval | null]> = [
    ['reward', reward],
    ['reward over the reference', rewardGain],
    ...Object.entries(winRate).map(([judge, rate]): [string, Interval] => [`win rate, told by ${judge}`, rate]),
    ['KL from the reference (nats a reply)', kl],
  ];
  return figures.flatMap(([name, interval]) => (interval === null ? [] : [[id, what, name, figure(interval)]]));
}

async function evaluationSection(artifacts: Artifacts, model: ModelArtifact): Promise<string> {
  const rows: string[][] = [];
  for (const artifact of artifacts.list('evaluation')) {
    const evaluation = await readEvaluation(join(artifacts.dir(artifact), 'evaluation.json'));
    if (evaluation.model === model.id) rows.push(...evaluationRows(artifact.id, evaluation));
  }
  if (rows.length > 0) {
    const note = 'Each figure with its 95 % interval by bootstrap over prompts.';
    return `${table(['evaluation', 'on', 'figure', 'value'], rows)}\n\n${note}`;
  }
  const { accuracy, accuracyLow, accuracyHigh, lengthBaseline } = model.metrics;
  if (accuracy === undefined || accuracyLow === undefined || accuracyHigh === undefined)
    return 'It was not evaluated in this workspace.';
  const baseline = lengthBaseline === undefined ? '' : `; length alone ${lengthBaseline.toFixed(3)}`;
  return `Accuracy on held-out pairs ${figure({ value: accuracy, low: accuracyLow, high: accuracyHigh })}${baseline}.`;
}

function limitsOf(artifact: ModelArtifact, lineage: ReadonlyArray<Artifact>): string {
  const simulated = lineage.some(
    (found) => found.kind === 'pair-set' && found.sources.some(({ kind }) => kind === 'simulated'),
  );
  const judged = lineage.some(
    (found) => found.kind === 'pair-set' && found.sources.some(({ kind }) => kind === 'judge'),
  );
  const lines = [
    'The figures above hold for the prompts named, and say nothing of others.',
    'It was not tested for safety beyond what the evaluations name.',
    ...(artifact.kind === 'reward-model' || artifact.config.rewardModel !== undefined
      ? ['A reward model is a learned stand-in for the judgement of its raters, with their biases.']
      : []),
    ...(judged ? ['Some preferences come from language models or rules, not from people.'] : []),
    ...(simulated ? ['Some preferences come from simulated raters.'] : []),
  ];
  return lines.map((line) => `- ${line}`).join('\n');
}

/** The text of README.md. @param isAdapter true for a folder with an adapter in PEFT's form */
export async function modelCard(artifacts: Artifacts, artifact: ModelArtifact, isAdapter: boolean): Promise<string> {
  const lineage = artifacts.lineage(artifact.id);
  const what =
    artifact.kind === 'model' ? (ROLES[artifact.role] ?? artifact.role) : 'a reward model, trained on preferences';
  const tree = lineageTree(lineage).map((line) => String(withoutFolders(line)));
  const config = JSON.stringify(withoutFolders(artifact.config), null, 2);
  return `${frontMatter(artifact, lineage, isAdapter)}

# ${basename(artifact.id)}

This is ${what}; made with fourfold ${packageVersion()}, round ${artifact.round}, seed ${artifact.seed}, ${artifact.createdAt}.

## Lineage

\`\`\`text
${tree.join('\n')}
\`\`\`

## Data

${dataSection(lineage)}

## Evaluation

${await evaluationSection(artifacts, artifact)}

## Training configuration

\`\`\`json
${config}
\`\`\`

## Limits

${limitsOf(artifact, lineage)}
`;
}
