// The qualification round: items with known answers that come before real work. Its answers are no labels.
import type { Project } from '../../../src/core/annotation/project.ts';
import type { Feedback, ParsedJudgement } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { type AnnotatorId, contentId, type ItemId } from '../../../src/core/ids.ts';
import { scoreAnswer } from './knownAnswers.ts';
import type { LabelingItem, LabelingSet } from './labelingSet.ts';
import type { Members } from './members.ts';
import { askOf, checkAnswer } from './verdicts.ts';

export interface Answered {
  judgementId: string;
  status: 'saved' | 'unchanged';
  feedback: Feedback;
}

export class QualificationRound {
  readonly #project: Project;
  readonly #set: LabelingSet;
  readonly #members: Members;

  constructor(project: Project, { set, members }: { set: LabelingSet; members: Members }) {
    this.#project = project;
    this.#set = set;
    this.#members = members;
  }

  has(itemId: ItemId): boolean {
    return this.#knownOf(itemId) !== null;
  }

  /** The next item of the attempt under way, in the project's order, or null where all are answered or excluded. */
  next(annotatorId: AnnotatorId, exclude: ReadonlySet<string>): LabelingItem | null {
    for (const { itemId } of this.#project.qualification?.items ?? []) {
      const item = this.#set.byId.get(itemId);
      if (item === undefined || exclude.has(itemId)) continue;
      if (this.#members.answer(annotatorId, itemId, this.#project) === null) return item;
    }
    return null;
  }

  /** Scores an answer and puts it on record. @throws bad-input, conflict where the round is over, storage-failed. */
  async answer(annotatorId: AnnotatorId, item: LabelingItem, request: ParsedJudgement, at: string): Promise<Answered> {
    const { submissionId, durationMs: _, revise: __, ...given } = request;
    const known = this.#knownOf(item.id);
    const standing = this.#members.standing(annotatorId, this.#project).qualification;
    if (known === null || standing === null) throw new Error(`${item.id} is no item of the qualification round.`);
    const answered = (status: Answered['status'], score: number): Answered => ({
      judgementId: `qualification-${contentId(this.#project.id, annotatorId, item.id)}`,
      status,
      feedback: {
        score,
        expected: {
          ...(known.best === undefined ? {} : { best: known.best }),
          ...(known.ratings === undefined ? {} : { ratings: known.ratings }),
        },
        explanation: known.explanation,
      },
    });
    const earlier =
      (submissionId === undefined ? null : this.#members.bySubmission(annotatorId, item.id, submissionId)) ??
      this.#members.answer(annotatorId, item.id, this.#project);
    if (earlier !== null) return answered('unchanged', earlier.score);
    if (standing.state !== 'open') {
      throw new FourfoldError('conflict', `The qualification round is over: ${standing.state}.`);
    }
    const { ask, criteria } = this.#project;
    const verdict = checkAnswer(item, given, { ask: askOf(ask, item), criteria });
    const score = scoreAnswer(known, verdict);
    const submission = submissionId === undefined ? {} : { submissionId };
    const { attempt } = standing;
    await this.#members.append({
      kind: 'answer',
      annotatorId,
      at,
      itemId: item.id,
      attempt,
      score,
      verdict,
      ...submission,
    });
    return answered('saved', score);
  }

  #knownOf(itemId: ItemId) {
    return this.#project.qualification?.items.find((known) => known.itemId === itemId) ?? null;
  }
}
