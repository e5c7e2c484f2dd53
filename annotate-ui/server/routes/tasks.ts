// The labeling itself: the next item, and the judgement of an item.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Project } from '../../../src/core/annotation/project.ts';
import {
  JudgementReply,
  JudgementRequest,
  NextReply,
  type OwnProgress,
  type Standing,
  type Task,
} from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { AnnotatorId } from '../../../src/core/ids.ts';
import type { LabelingItem, LabelingSet } from '../candidateSet.ts';
import type { JudgementBook } from '../judgementBook.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { checkVerdict, ItemParams, NextQuery } from '../schemas/tasks.ts';
import { presentedOrder, type TaskQueue } from '../taskQueue.ts';

export interface LabelingDesk {
  project: Project;
  set: LabelingSet;
  queue: TaskQueue;
  book: JudgementBook;
}

/** How far the annotator is in the set. */
export function progressOf({ book, queue }: LabelingDesk, annotatorId: AnnotatorId): OwnProgress {
  return { ...book.counts(annotatorId), total: queue.total, remaining: null };
}

/** Where the annotator stands: free to work. */
export const STANDING: Standing = { guidelinesRead: true, qualification: null, paused: null };

/** The item as the annotator sees it: lettered, in their order, and silent about what wrote which. */
function taskFor({ set, project }: LabelingDesk, annotatorId: AnnotatorId, item: LabelingItem): Task {
  const candidates = presentedOrder(annotatorId, item).map((candidateId, i) => ({
    key: String.fromCharCode('A'.charCodeAt(0) + i),
    candidateId,
    text: set.textOf.get(candidateId) ?? '',
  }));
  return {
    itemId: item.id,
    promptId: item.promptId,
    messages: item.messages,
    candidates,
    criteria: project.criteria,
    ask: project.ask,
    round: 'work',
    leaseExpiresAt: null,
    draft: null,
    judgement: null,
  };
}

export async function taskRoutes(app: FastifyInstance, desk: LabelingDesk): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get(
    '/api/tasks/next',
    { schema: { querystring: NextQuery, response: withErrors(NextReply) } },
    async (request) => {
      const { id } = annotatorOf(request);
      const item = desk.queue.next(id, request.query.exclude);
      const progress = progressOf(desk, id);
      if (item === null) return { state: 'done' as const, task: null, progress, standing: STANDING };
      return { state: 'task' as const, task: taskFor(desk, id, item), progress, standing: STANDING };
    },
  );

  routes.put(
    '/api/tasks/:itemId/judgement',
    { schema: { params: ItemParams, body: JudgementRequest, response: withErrors(JudgementReply) } },
    async (request) => {
      const annotator = annotatorOf(request);
      const item = desk.queue.item(request.params.itemId);
      if (item === null) {
        throw new FourfoldError('not-found', `${request.params.itemId} is not an item of ${desk.set.id}.`);
      }
      checkVerdict(item, request.body);
      const saved = await desk.book.save(annotator, item, request.body);
      return { ...saved, progress: progressOf(desk, annotator.id), standing: STANDING, feedback: null };
    },
  );
}
