// A workspace with a large candidate set, a project, and annotators with their tokens.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultProject } from '../../src/core/annotation/defaultProject.ts';
import { Project } from '../../src/core/annotation/project.ts';
import type { ArtifactId } from '../../src/core/ids.ts';
import { toJsonl } from '../../src/core/jsonl.ts';
import { openWorkspace } from '../../src/store/workspace.ts';

const VERSIONS = ['base', 'sft', 'policy'];
const SENTENCE = 'The quick brown fox jumps over the lazy dog and sits down beside the river to rest. ';

/** Two replies of two of three versions to each prompt. */
export async function loadWorkspace({
  items,
  annotators,
  overlap,
}: {
  items: number;
  annotators: number;
  overlap: number;
}): Promise<{ dir: string; candidateSetId: ArtifactId; tokens: string[]; leadToken: string }> {
  const workspace = await openWorkspace(await mkdtemp(join(tmpdir(), 'fourfold-load-')));
  const numbers = Array.from({ length: items }, (_, i) => i);
  const prompts = numbers.map((i) => ({
    id: `p-${i}`,
    dimension: null,
    split: 'train',
    messages: [{ role: 'user', content: `Question ${i}: ${SENTENCE}` }],
    demonstration: null,
  }));
  const candidates = numbers.flatMap((i) =>
    [i % 3, (i + 1) % 3].map((version, sampleIndex) => ({
      id: `c-${i}-${version}`,
      promptId: `p-${i}`,
      model: VERSIONS[version],
      sampleIndex,
      seed: i,
      sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 64 },
      text: SENTENCE.repeat(1 + ((i + version) % 4)),
      finishReason: 'stop',
    })),
  );
  const set = await workspace.artifacts.create<'candidate-set'>(
    {
      kind: 'candidate-set',
      parents: [],
      seed: 1,
      config: {},
      engine: null,
      round: 1,
      runId: null,
      metrics: {},
      versions: VERSIONS,
    },
    async (dir) => {
      await writeFile(join(dir, 'prompts.jsonl'), toJsonl(prompts));
      await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
    },
  );
  workspace.projects.save(Project.parse({ ...defaultProject(set.id), id: `project-${set.id}`, overlap }));
  const tokens = Array.from(
    { length: annotators },
    (_, i) => workspace.annotators.add({ id: `a-${i}`, name: `Annotator ${i}`, simulated: true }).token,
  );
  const lead = workspace.annotators.add({ id: 'lead', name: 'Lead', simulated: true, role: 'lead' });
  return { dir: workspace.dir, candidateSetId: set.id, tokens, leadToken: lead.token };
}
