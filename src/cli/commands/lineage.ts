// fourfold lineage: everything that made an artefact, back to prompts, models, annotators and judge prompts.
import { z } from 'zod';
import type { Artifact } from '../../core/artifacts.ts';
import { HubOrigin, ModelFolder } from '../../core/modelFolder.ts';
import { defineCommand } from '../command.ts';

/** What made the artefact and is no artefact itself: raters, judges with the hash of their prompt, model versions. */
function originsOf(artifact: Artifact): string[] {
  return [...judgesAndVersions(artifact), ...foldersOf(artifact), ...hubOf(artifact)];
}

/** Models that were folders outside the workspace, with what was read of them. */
function foldersOf({ config }: Artifact): string[] {
  const folders = z.record(z.string(), ModelFolder).safeParse(config.modelFolders);
  return Object.entries(folders.success ? folders.data : {}).map(
    ([name, { folder, sha256 }]) => `${name}: folder ${folder} (model.safetensors, SHA-256 ${sha256.slice(0, 12)})`,
  );
}

/** The repository and commit of a model that came from the hub. */
function hubOf({ config }: Artifact): string[] {
  const hub = HubOrigin.safeParse(config.hub);
  if (!hub.success) return [];
  const { repository, revision, commit, endpoint } = hub.data;
  return [`hub: ${repository}@${revision}, commit ${commit}, ${endpoint}`];
}

function judgesAndVersions(artifact: Artifact): string[] {
  switch (artifact.kind) {
    case 'pair-set':
      return artifact.sources.map(({ source, kind, judgements, promptHash }) => {
        const prompt = promptHash === null ? '' : `, prompt ${promptHash}`;
        return `${source} (${kind}, ${judgements} judgements${prompt})`;
      });
    case 'candidate-set':
      return artifact.versions.map((version) => `version ${version}`);
    case 'prompt-set':
    case 'tokenizer':
    case 'model':
    case 'reward-model':
    case 'evaluation':
      return [];
    default:
      return artifact satisfies never;
  }
}

function labelOf(artifact: Artifact): string {
  const kind = artifact.kind === 'model' ? `${artifact.role} model` : artifact.kind;
  const engine = artifact.engine === null ? '' : `, ${artifact.engine}`;
  return `${artifact.id}  ${kind}, round ${artifact.round}, seed ${artifact.seed}${engine}, ${artifact.createdAt}`;
}

/** One line an artefact or origin, indented under what it made; an artefact met again is named only. */
export function lineageTree(artifacts: ReadonlyArray<Artifact>): string[] {
  const byId = new Map<string, Artifact>(artifacts.map((artifact) => [artifact.id, artifact]));
  const seen = new Set<string>();
  const lines: string[] = [];
  const visit = (id: string, head: string, tail: string) => {
    const artifact = byId.get(id);
    if (artifact === undefined || seen.has(id)) {
      lines.push(`${head}${id}  (above)`);
      return;
    }
    seen.add(id);
    lines.push(head + labelOf(artifact));
    const origins = originsOf(artifact);
    const count = origins.length + artifact.parents.length;
    const branch = (i: number) => (i === count - 1 ? '└─ ' : '├─ ');
    for (const [i, origin] of origins.entries()) lines.push(tail + branch(i) + origin);
    for (const [i, parent] of artifact.parents.entries()) {
      const at = origins.length + i;
      visit(parent, tail + branch(at), tail + (at === count - 1 ? '   ' : '│  '));
    }
  };
  const [root] = artifacts;
  if (root !== undefined) visit(root.id, '', '');
  return lines;
}

export const command = defineCommand({
  name: 'lineage',
  describe: 'Walk from an artefact back to everything that made it',
  config: z.strictObject({ id: z.string().min(1).describe('Id of an artefact') }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { artifacts } = await workspace();
    const found = artifacts.lineage(config.id);
    print(json ? JSON.stringify(found) : lineageTree(found).join('\n'));
  },
});
