// The labeling itself: the next item, and the judgement of an item.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  JudgementReply,
  JudgementRequest,
  NextReply,
  type OwnProgress,
  type Task,
} from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { AnnotatorId } from '../../../src/core/ids.ts';
import type { LabelingItem, LabelingSet } from '../candidateSet.ts';
import { CRITERION_CARDS } from '../criteria.ts';
import type { JudgementBook } from '../judgementBook.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { checkVerdict, ItemParams, NextQuery } from '../schemas/tasks.ts';
import { presentedOrder, type TaskQueue } from '../taskQueue.ts';

export interface LabelingDesk {
  set: LabelingSet;
  queue: TaskQueue;
  book: JudgementBook;
}

/** How far the annotator is in the set. */
export function progressOf({ book, queue }: LabelingDesk, annotatorId: AnnotatorId): OwnProgress {
  return { ...book.counts(annotatorId), total: queue.total };
}

/** The item as the annotator sees it: lettered, in their order, and silent about what wrote which. */
function taskFor({ set }: LabelingDesk, annotatorId: AnnotatorId, item: LabelingItem): Task {
  const candidates = presentedOrder(annotatorId, item).map((candidateId, i) => ({
    key: String.fromCharCode('A'.charCodeAt(0) + i),
    candidateId,
    text: set.textOf.get(candidateId) ?? '',
  }));
  return { itemId: item.id, promptId: item.promptId, messages: item.messages, candidates, criteria: CRITERION_CARDS };
}

export async function taskRoutes(app: FastifyInstance, desk: LabelingDesk): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get(
    '/api/tasks/next',
    { schema: { querystring: NextQuery, response: withErrors(NextReply) } },
    async (request) => {
      const { id } = annotatorOf(request);
      const item = desk.queue.next(id, request.query.exclude);
      return { task: item === null ? null : taskFor(desk, id, item), progress: progressOf(desk, id) };
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
      return { ...saved, progress: progressOf(desk, annotator.id) };
    },
  );
}
