// For tests: a workspace in a temporary folder with one small candidate set.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ArtifactId, CandidateId, contentId, PromptId } from '../../../src/core/ids.ts';
import { toJsonl } from '../../../src/core/jsonl.ts';
import { type Candidate, itemsOf, type Message, type Prompt } from '../../../src/core/records.ts';
import { openWorkspace, type Workspace } from '../../../src/store/workspace.ts';

export interface SetContent {
  messages: Message[];
  /** One reply a model, in the order of `models`. */
  replies: string[];
}

/** Model names that must never reach an annotator. */
export const SECRET_MODELS = ['base-secret-1', 'sft-secret-2', 'policy-secret-3'];
const SECRET_SEED = 918_273_645;

/** `count` prompts of one user turn with three replies each. */
export function plainContent(count: number): SetContent[] {
  return Array.from({ length: count }, (_, i) => ({
    messages: [{ role: 'user', content: `Question number ${i + 1}?` }],
    replies: ['first', 'second', 'third'].map((word) => `The ${word} answer to question ${i + 1}.`),
  }));
}

/** Adds a candidate set to the workspace, as `fourfold candidates` would. */
export async function addCandidateSet(workspace: Workspace, content: SetContent[], models = SECRET_MODELS) {
  const prompts: Prompt[] = content.map(({ messages }, i) => ({
    id: PromptId.parse(`prompt-${i + 1}`),
    dimension: 'reasoning',
    split: 'train',
    messages,
    demonstration: null,
  }));
  const candidates = content.flatMap(({ replies }, i) =>
    replies.map((text, j): Candidate => {
      const model = models[j % models.length] ?? 'model';
      return {
        id: CandidateId.parse(`c-${contentId(i, j, model)}`),
        promptId: PromptId.parse(`prompt-${i + 1}`),
        model,
        sampleIndex: Math.floor(j / models.length),
        seed: SECRET_SEED + j,
        sampling: { temperature: 0.7654, topK: 40, topP: 0.95, maxNewTokens: 64 },
        text,
        finishReason: 'stop',
      };
    }),
  );
  return workspace.artifacts.create(
    {
      kind: 'candidate-set',
      parents: [],
      seed: 1,
      config: {},
      engine: null,
      round: 1,
      runId: null,
      metrics: {},
      versions: models,
    },
    async (dir) => {
      const id = ArtifactId.parse(basename(dir).replace(/\.partial-\d+$/, ''));
      await writeFile(join(dir, 'prompts.jsonl'), toJsonl(prompts));
      await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
      await writeFile(join(dir, 'items.jsonl'), toJsonl(itemsOf(id, candidates)));
    },
  );
}

/** A fresh workspace with one set and one annotator, 'ann-1'. */
export async function labelingWorkspace(content: SetContent[] = plainContent(3)) {
  const workspace = await openWorkspace(await mkdtemp(join(tmpdir(), 'fourfold-labeling-')));
  const set = await addCandidateSet(workspace, content);
  const { token } = workspace.annotators.add({ id: 'ann-1', name: 'Ann', simulated: false });
  return { workspace, set, token };
}
