// Where each annotator stands in a project: guidelines read, qualification round, pauses. All of it is an append-only
// log, synced before anyone is told, and read again at the start.
import { z } from 'zod';
import type { Project } from '../../../src/core/annotation/project.ts';
import { type Standing, VerdictBody } from '../../../src/core/annotationApi.ts';
import { AnnotatorId, ItemId, sha256 } from '../../../src/core/ids.ts';
import { SubmissionId } from '../../../src/core/records.ts';
import { JsonlLog } from '../../../src/store/jsonlLog.ts';
import { meanScore } from './knownAnswers.ts';

const base = { annotatorId: AnnotatorId, at: z.iso.datetime() };

/** One line of members.jsonl. */
export const MemberEvent = z.discriminatedUnion('kind', [
  z.strictObject({ ...base, kind: z.literal('guidelines'), hash: z.string() }),
  /** An answer of the qualification round; it is no label and never reaches the judgements. */
  z.strictObject({
    ...base,
    kind: z.literal('answer'),
    itemId: ItemId,
    attempt: z.int().min(1),
    score: z.number(),
    verdict: VerdictBody,
    submissionId: SubmissionId.optional(),
  }),
  z.strictObject({ ...base, kind: z.literal('pause'), reason: z.enum(['gold', 'lead']), by: z.string() }),
  /** Also gives the attempts at the qualification anew to someone who failed. */
  z.strictObject({ ...base, kind: z.literal('resume'), by: z.string() }),
]);
export type MemberEvent = z.infer<typeof MemberEvent>;
type Answer = Extract<MemberEvent, { kind: 'answer' }>;

interface Member {
  lastAt: string;
  guidelines: string | null;
  paused: { reason: 'gold' | 'lead'; at: string } | null;
  /** Since when the known answers count, in milliseconds since 1970. */
  resumedAt: number;
  /** Attempts at the qualification since the last resume, each with its answers by item. */
  attempts: Array<Map<ItemId, Answer>>;
}

export class Members {
  readonly #log: JsonlLog<typeof MemberEvent>;
  readonly #members = new Map<AnnotatorId, Member>();

  private constructor(log: JsonlLog<typeof MemberEvent>) {
    this.#log = log;
  }

  /** @throws bad-input, storage-failed. */
  static async open(path: string): Promise<Members> {
    const members = new Members(new JsonlLog(path, MemberEvent));
    for (const event of await members.#log.read()) members.#apply(event);
    return members;
  }

  /** On the disk when this returns. @throws storage-failed. */
  async append(event: MemberEvent): Promise<void> {
    await this.#log.append([event]);
    this.#apply(event);
  }

  /** When the last thing was put on record of the annotator (ISO), or null. */
  lastAt(annotatorId: AnnotatorId): string | null {
    return this.#members.get(annotatorId)?.lastAt ?? null;
  }

  /** Those of whom there is anything on record. */
  known(): Iterable<AnnotatorId> {
    return this.#members.keys();
  }

  standing(annotatorId: AnnotatorId, project: Project): Standing {
    const member = this.#members.get(annotatorId);
    return {
      guidelinesRead: project.guidelines === '' || member?.guidelines === guidelinesHash(project),
      qualification: this.#qualification(annotatorId, project),
      paused: member?.paused ?? null,
    };
  }

  /** May be given real work. */
  isQualified(annotatorId: AnnotatorId, project: Project): boolean {
    return (this.#qualification(annotatorId, project)?.state ?? 'passed') === 'passed';
  }

  isPaused(annotatorId: AnnotatorId): boolean {
    return (this.#members.get(annotatorId)?.paused ?? null) !== null;
  }

  resumedAt(annotatorId: AnnotatorId): number {
    return this.#members.get(annotatorId)?.resumedAt ?? 0;
  }

  /** The answer to the item in the attempt that is under way, or null. */
  answer(annotatorId: AnnotatorId, itemId: ItemId, project: Project): Answer | null {
    return this.#underWay(annotatorId, project)?.get(itemId) ?? null;
  }

  /** The answer to that item, of any attempt, that the submission became. */
  bySubmission(annotatorId: AnnotatorId, itemId: ItemId, submissionId: string): Answer | null {
    for (const attempt of this.#members.get(annotatorId)?.attempts ?? []) {
      const answer = attempt.get(itemId);
      if (answer?.submissionId === submissionId) return answer;
    }
    return null;
  }

  #underWay(annotatorId: AnnotatorId, project: Project): Map<ItemId, Answer> | null {
    const last = this.#members.get(annotatorId)?.attempts.at(-1) ?? null;
    return last !== null && scoresOf(last, project) === null ? last : null;
  }

  #qualification(annotatorId: AnnotatorId, project: Project): Standing['qualification'] {
    const { qualification } = project;
    if (qualification === null) return null;
    const attempts = this.#members.get(annotatorId)?.attempts ?? [];
    const finished = attempts.flatMap((attempt) => scoresOf(attempt, project) ?? []);
    const score = finished.at(-1) ?? null;
    const hasPassed = finished.some((one) => one >= qualification.passMark);
    const state = hasPassed ? 'passed' : finished.length >= qualification.attempts ? 'failed' : 'open';
    return {
      state,
      attempt: state === 'open' ? finished.length + 1 : finished.length,
      attempts: qualification.attempts,
      answered: state === 'open' ? (this.#underWay(annotatorId, project)?.size ?? 0) : qualification.items.length,
      items: qualification.items.length,
      score,
      passMark: qualification.passMark,
    };
  }

  #apply(event: MemberEvent): void {
    const member = this.#members.get(event.annotatorId) ?? {
      lastAt: event.at,
      guidelines: null,
      paused: null,
      resumedAt: 0,
      attempts: [],
    };
    this.#members.set(event.annotatorId, member);
    member.lastAt = event.at;
    switch (event.kind) {
      case 'guidelines':
        member.guidelines = event.hash;
        return;
      case 'answer': {
        const attempt = member.attempts[event.attempt - 1] ?? new Map<ItemId, Answer>();
        member.attempts[event.attempt - 1] = attempt.set(event.itemId, event);
        return;
      }
      case 'pause':
        member.paused = { reason: event.reason, at: event.at };
        return;
      case 'resume':
        Object.assign(member, { paused: null, resumedAt: Date.parse(event.at), attempts: [] });
        return;
      default:
        event satisfies never;
    }
  }
}

/** Names the guidelines as they read now. */
export const guidelinesHash = (project: Project) => sha256(project.guidelines).slice(0, 16);

/** Mean score of an attempt in which every item of the round is answered, else null. */
function scoresOf(attempt: ReadonlyMap<ItemId, Answer>, { qualification }: Project): number | null {
  const answers = qualification?.items.map(({ itemId }) => attempt.get(itemId)) ?? [];
  const scores = answers.flatMap((answer) => (answer === undefined ? [] : [answer.score]));
  return scores.length < answers.length ? null : meanScore(scores);
}
