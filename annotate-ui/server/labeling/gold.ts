// Gold items: their answers are known, and they are hidden among an annotator's other tasks at the project's rate.
import type { KnownAnswer, Project } from '../../../src/core/annotation/project.ts';
import type { AnnotatorId, ItemId } from '../../../src/core/ids.ts';
import { randomFrom, seedOf } from '../../../src/core/random.ts';
import type { Holdings } from './holdings.ts';
import type { JudgementBook } from './judgementBook.ts';
import { meanScore, scoreAnswer } from './knownAnswers.ts';
import type { LabelingItem, LabelingSet } from './labelingSet.ts';
import type { Members } from './members.ts';

export interface GoldSources {
  set: LabelingSet;
  book: JudgementBook;
  holdings: Holdings;
  members: Members;
}

export class GoldItems {
  readonly #project: Project;
  readonly #sources: GoldSources;
  readonly #known: ReadonlyMap<ItemId, KnownAnswer>;

  constructor(project: Project, sources: GoldSources) {
    this.#project = project;
    this.#sources = sources;
    this.#known = new Map((project.gold?.items ?? []).map((known) => [known.itemId, known]));
  }

  get count(): number {
    return this.#known.size;
  }

  has(itemId: ItemId): boolean {
    return this.#known.has(itemId);
  }

  /** A gold item where the annotator's task number `place` is to be one, else null. */
  draw(annotatorId: AnnotatorId, place: number, exclude: ReadonlySet<string>): LabelingItem | null {
    const { gold, id } = this.#project;
    if (gold === null) return null;
    const isDue = randomFrom(seedOf('gold', id, annotatorId, place)).uniform() < gold.rate;
    return isDue ? this.first(annotatorId, exclude) : null;
  }

  /** The first gold item, in an order of the annotator's own, that they have not had. */
  first(annotatorId: AnnotatorId, exclude: ReadonlySet<string>): LabelingItem | null {
    const { set, book, holdings } = this.#sources;
    let chosen: { item: LabelingItem; rank: number } | null = null;
    for (const itemId of this.#known.keys()) {
      const item = set.byId.get(itemId);
      if (item === undefined || exclude.has(itemId) || book.entry(annotatorId, itemId) !== null) continue;
      if (holdings.get(annotatorId, itemId)?.isLeased) continue;
      const rank = seedOf('gold order', annotatorId, itemId);
      if (chosen === null || rank < chosen.rank) chosen = { item, rank };
    }
    return chosen?.item ?? null;
  }

  /** Scores of the annotator's answers, in the order of the items' first answers. @param since milliseconds since 1970 */
  scores(annotatorId: AnnotatorId, since = 0): number[] {
    const { book } = this.#sources;
    const scores: number[] = [];
    for (const entry of book.ofAnnotator(annotatorId)) {
      const known = this.#known.get(entry.itemId);
      if (known !== undefined && entry.isGold && entry.at >= since) {
        scores.push(scoreAnswer(known, book.judgementOf(entry)));
      }
    }
    return scores;
  }

  /** The annotator's mean over the last answers where it is below the bar and rests on enough of them, else null. */
  belowBar(annotatorId: AnnotatorId): number | null {
    const { gold } = this.#project;
    if (gold === null) return null;
    const scores = this.scores(annotatorId, this.#sources.members.resumedAt(annotatorId)).slice(-gold.window);
    const mean = meanScore(scores);
    return mean === null || scores.length < gold.minimum || mean >= gold.bar ? null : mean;
  }
}
