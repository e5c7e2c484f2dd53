// Reading the files of a candidate set: prompts, the replies to them, and the items that raters and judges see.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from './errors.ts';
import { ArtifactId, CandidateId, ItemId, PromptId } from './ids.ts';
import { readJsonl } from './jsonl.ts';
import { Candidate, type Item, itemsOf, Prompt } from './records.ts';

/** One line of items.jsonl. */
const ItemLine = z.strictObject({
  id: ItemId,
  candidateSetId: ArtifactId,
  promptId: PromptId,
  candidateIds: z.array(CandidateId).min(2).max(6),
}) satisfies z.ZodType<Item>;

/** A task with all that it names, in the set's order. */
export interface CandidateItem {
  item: Item;
  prompt: Prompt;
  candidates: Candidate[];
}

/**
 * The items of the set in `dir` with their prompts and replies. Without an items.jsonl they follow from the replies.
 * @throws not-found, bad-input naming file and line, or the item that names what is not there.
 */
export async function readCandidateSet(dir: string, id: ArtifactId): Promise<CandidateItem[]> {
  const prompts = new Map((await readJsonl(join(dir, 'prompts.jsonl'), Prompt)).map((prompt) => [prompt.id, prompt]));
  const replies = await readJsonl(join(dir, 'candidates.jsonl'), Candidate);
  const candidates = new Map(replies.map((candidate) => [candidate.id, candidate]));
  const path = join(dir, 'items.jsonl');
  const items: Item[] = existsSync(path) ? await readJsonl(path, ItemLine) : itemsOf(id, replies);
  const found = <T>(value: T | undefined, what: string, item: Item): T => {
    if (value !== undefined) return value;
    throw new FourfoldError(
      'bad-input',
      `${dir}: item ${item.id} names ${what}, which the set does not hold. Make the set again with: fourfold candidates.`,
    );
  };
  return items.map((item) => ({
    item,
    prompt: found(prompts.get(item.promptId), `prompt ${item.promptId}`, item),
    candidates: item.candidateIds.map((each) => found(candidates.get(each), `candidate ${each}`, item)),
  }));
}
