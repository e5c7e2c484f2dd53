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
  return section(
    'lineage',
    'Lineage',
    html`<p>What ${root} was made of, back to the prompts, with the first digits of the SHA-256 over each artefact’s
files. An artefact is told once, as near to the top as it comes; elsewhere it is linked.</p>`,
    html`<ul class="tree">${branch(root, byId, homes(root, byId))}</ul>`,
  );
}

/** Under which child each artefact is told: the first that leads to it, breadth first. Ends on cycles too. */
function homes(root: string, byId: ReadonlyMap<string, LineageNode>): Map<string, string | null> {
  const home = new Map<string, string | null>([[root, null]]);
  // A Map is walked in order of insertion, entries added on the way included.
  for (const [id] of home) {
    for (const parent of byId.get(id)?.parents ?? []) if (!home.has(parent)) home.set(parent, id);
  }
  return home;
}

function branch(id: string, byId: ReadonlyMap<string, LineageNode>, home: ReadonlyMap<string, string | null>): Html {
  const node = byId.get(id);
  if (node === undefined) {
    return html`<li><span class="node" id="artefact-${id}"><b>${id}</b> <span class="nothing">not in this workspace</span></span></li>`;
  }
  const parents = [...new Set(node.parents)];
  const here = parents.filter((parent) => home.get(parent) === id);
  const elsewhere = parents.filter((parent) => home.get(parent) !== id);
  return html`<li><span class="node" id="artefact-${id}"><b>${id}</b> <span class="tag">${node.kind}</span>
<code>${node.sha256.slice(0, HASH_SHOWN)}</code>${node.details.map((detail) => html`<small>${detail}</small>`)}${
    elsewhere.length === 0
      ? null
      : html`<small>${here.length === 0 ? 'from' : 'also from'} ${elsewhere.map(
          (parent, i) => html`${i === 0 ? null : ', '}<a href="#artefact-${parent}">${parent}</a>`,
        )}</small>`
  }</span>
${here.length === 0 ? null : html`<ul>${here.map((parent) => branch(parent, byId, home))}</ul>`}</li>`;
}
