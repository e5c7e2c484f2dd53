// Where the policy comes from: the tree of artefacts back to prompts, raters and judge prompts.
import type { Artifact } from '../../core/artifacts.ts';
import { sha256 } from '../../core/ids.ts';
import { type Html, html } from '../html.ts';
import type { LineageNode, LineageSection } from '../reportData.ts';
import { type Section, section } from '../reportLayout.ts';

const HASH_SHOWN = 12;

/** The lineage as a report keeps it, from the artefact and its ancestors (workspace.artifacts.lineage). */
export function lineageData(root: string, artifacts: ReadonlyArray<Artifact>): LineageSection {
  return { root, nodes: artifacts.map(nodeOf) };
}

function nodeOf(artifact: Artifact): LineageNode {
  const { id, kind, parents, files, seed, engine } = artifact;
  const digest = sha256(JSON.stringify(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))));
  const made = engine === null ? [] : [`seed ${seed} on ${engine}`];
  return { id, kind, parents, sha256: digest, details: [...made, ...detailsOf(artifact)] };
}

function detailsOf(artifact: Artifact): string[] {
  switch (artifact.kind) {
    case 'candidate-set':
      return [`replies by ${artifact.versions.join(', ')}`];
    case 'pair-set':
      return artifact.sources.map(({ source, kind, judgements, promptHash }) => {
        const rules = promptHash === null ? '' : `, prompt or rules ${promptHash.slice(0, HASH_SHOWN)}`;
        return `${judgements} judgements by ${source} (${kind}${rules})`;
      });
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

export function lineageSection({ root, nodes }: LineageSection): Section {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const shown = new Set<string>();
  return section(
    'lineage',
    'Lineage',
    html`<p>What ${root} was made of, back to the prompts. Each artefact is told once, with the first digits of the
SHA-256 over its files; where it comes up again, it is named only.</p>`,
    html`<ul class="tree">${branch(root, byId, shown)}</ul>`,
  );
}

/** Depth first; `shown` is what was told already, which also ends a cycle in damaged data. */
function branch(id: string, byId: ReadonlyMap<string, LineageNode>, shown: Set<string>): Html {
  const node = byId.get(id);
  if (node === undefined) return html`<li><span class="node missing"><b>${id}</b> not in this workspace</span></li>`;
  if (shown.has(id)) return html`<li><span class="node again"><b>${id}</b> told above</span></li>`;
  shown.add(id);
  return html`<li><span class="node ${node.kind}"><b>${id}</b> <span class="tag">${node.kind}</span>
<code>${node.sha256.slice(0, HASH_SHOWN)}</code>${node.details.map((detail) => html`<small>${detail}</small>`)}</span>
${node.parents.length === 0 ? null : html`<ul>${node.parents.map((parent) => branch(parent, byId, shown))}</ul>`}</li>`;
}
