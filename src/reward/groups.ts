// Pairs of one prompt as one training example: each reply is read once, however many pairs it is in
// (Ouyang et al. 2022, section 3.5: all comparisons of a prompt go together).
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { groupBy } from '../core/groupBy.ts';
import { readJsonl } from '../core/jsonl.ts';
import { Candidate, type Pair, type Prompt } from '../core/records.ts';
import type { Sequence } from '../model/batch.ts';
import { readPrompts } from '../store/references.ts';
import type { Workspace } from '../store/workspace.ts';
import { renderReply } from '../tokens/rendering.ts';
import type { Tokenizer } from '../tokens/tokenizer.ts';

export interface PairGroup {
  pairs: Pair[];
  /** Each reply of the group once. */
  sequences: Sequence[];
  /** Place in `sequences` of each pair's chosen and rejected reply. */
  chosenAt: number[];
  rejectedAt: number[];
}

export interface PairSources {
  prompts: Map<string, Prompt>;
  /** By candidate id: an unfinished reply is read without an end of turn, as PPO will show it. */
  finish: Map<string, Candidate['finishReason']>;
}

/** Prompts and replies of the candidate sets that the pairs were made of. @throws not-found, bad-input. */
export async function readPairSources(workspace: Workspace, pairSet: ArtifactOf<'pair-set'>): Promise<PairSources> {
  const sources: PairSources = { prompts: new Map(), finish: new Map() };
  for (const id of pairSet.parents) {
    const parent = workspace.artifacts.get(id);
    if (parent?.kind !== 'candidate-set') continue;
    const dir = workspace.artifacts.dir(parent);
    for (const prompt of await readPrompts(dir)) sources.prompts.set(prompt.id, prompt);
    for (const candidate of await readJsonl(join(dir, 'candidates.jsonl'), Candidate)) {
      sources.finish.set(candidate.id, candidate.finishReason);
    }
  }
  return sources;
}

function groupOf(prompt: Prompt, pairs: ReadonlyArray<Pair>, { finish }: PairSources, tokenizer: Tokenizer): PairGroup {
  const places = new Map<string, number>();
  const group: PairGroup = { pairs: [...pairs], sequences: [], chosenAt: [], rejectedAt: [] };
  const placeOf = (id: string, text: string) => {
    const known = places.get(id);
    if (known !== undefined) return known;
    const isFinished = finish.get(id) !== 'length';
    const place = group.sequences.push(renderReply(tokenizer, prompt.messages, text, { isFinished })) - 1;
    places.set(id, place);
    return place;
  };
  for (const pair of pairs) {
    group.chosenAt.push(placeOf(pair.chosenId, pair.chosen));
    group.rejectedAt.push(placeOf(pair.rejectedId, pair.rejected));
  }
  return group;
}

/**
 * Groups by prompt and split, so that no held-out pair is in a training group. Pairs with a conversation longer than `maxLength` tokens are left out and counted.
 * @throws bad-input for a pair whose prompt is unknown.
 */
export function pairGroups(
  pairs: ReadonlyArray<Pair>,
  sources: PairSources,
  { tokenizer, maxLength }: { tokenizer: Tokenizer; maxLength: number },
): { groups: PairGroup[]; tooLong: number } {
  const groups: PairGroup[] = [];
  let tooLong = 0;
  for (const ofPrompt of groupBy(pairs, ({ promptId, split }) => `${split} ${promptId}`).values()) {
    const promptId = ofPrompt[0]?.promptId ?? '';
    const prompt = sources.prompts.get(promptId);
    if (prompt === undefined) {
      throw new FourfoldError(
        'bad-input',
        `Pair ${ofPrompt[0]?.id}: its prompt ${promptId} is in none of the candidate sets behind it.`,
      );
    }
    const fits = (id: string, text: string) =>
      renderReply(tokenizer, prompt.messages, text, { isFinished: sources.finish.get(id) !== 'length' }).ids.length <=
      maxLength;
    const fitting = ofPrompt.filter((pair) => fits(pair.chosenId, pair.chosen) && fits(pair.rejectedId, pair.rejected));
    tooLong += ofPrompt.length - fitting.length;
    if (fitting.length > 0) groups.push(groupOf(prompt, fitting, sources, tokenizer));
  }
  return { groups, tooLong };
}
