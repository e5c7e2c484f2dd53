// The labeling itself: the next item, drafts, judgements, and going back.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  DraftReply,
  DraftRequest,
  Empty,
  JudgementReply,
  JudgementRequest,
  NextReply,
  RecentReply,
  TaskReply,
} from '../../../src/core/annotationApi.ts';
import type { AnnotatorId } from '../../../src/core/ids.ts';
import type { LabelingDesk } from '../labeling/desk.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { ItemParams, idsIn, NextQuery, RecentQuery } from '../schemas/tasks.ts';
import { excerptOf, taskFor } from './taskView.ts';

/** A judgement of six long replies with corrections; a draft of the same. */
const BODY_LIMIT_BYTES = 256 * 1024;

export async function taskRoutes(app: FastifyInstance, { desk }: { desk: LabelingDesk }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const bodyLimit = BODY_LIMIT_BYTES;

  routes.get(
    '/api/tasks/next',
    { schema: { querystring: NextQuery, response: withErrors(NextReply) } },
    async (request) => {
      const annotator = annotatorOf(request);
      const given = await desk.next(annotator, idsIn(request.query.exclude));
      return {
        state: given.state,
        task: given.state === 'task' ? taskFor(desk, annotator.id, given.item) : null,
        progress: desk.progress(annotator.id),
        standing: desk.standing(annotator.id),
      };
    },
  );

  routes.get(
    '/api/tasks/recent',
    { schema: { querystring: RecentQuery, response: withErrors(RecentReply) } },
    async (request) => ({ judgements: recentOf(desk, annotatorOf(request).id, request.query.limit) }),
  );

  routes.get(
    '/api/tasks/:itemId',
    { schema: { params: ItemParams, response: withErrors(TaskReply) } },
    async (request) => {
      const { id } = annotatorOf(request);
      const item = desk.ownItem(id, request.params.itemId);
      return { task: taskFor(desk, id, item), progress: desk.progress(id) };
    },
  );

  routes.put(
    '/api/tasks/:itemId/judgement',
    { bodyLimit, schema: { params: ItemParams, body: JudgementRequest, response: withErrors(JudgementReply) } },
    async (request) => {
      const annotator = annotatorOf(request);
      const submitted = await desk.submit(annotator, request.params.itemId, request.body);
      return { ...submitted, progress: desk.progress(annotator.id), standing: desk.standing(annotator.id) };
    },
  );

  routes.delete(
    '/api/tasks/:itemId/judgement',
    { schema: { params: ItemParams, response: withErrors(TaskReply) } },
    async (request) => {
      const annotator = annotatorOf(request);
      const before = await desk.undo(annotator, request.params.itemId);
      const item = desk.requireItem(request.params.itemId);
      return { task: taskFor(desk, annotator.id, item, before), progress: desk.progress(annotator.id) };
    },
  );

  routes.put(
    '/api/tasks/:itemId/draft',
    { bodyLimit, schema: { params: ItemParams, body: DraftRequest, response: withErrors(DraftReply) } },
    async (request) => {
      const { id } = annotatorOf(request);
      await desk.saveDraft(id, request.params.itemId, request.body.draft);
      return { leaseExpiresAt: desk.leaseExpiresAt(id, request.params.itemId) };
    },
  );

  routes.delete(
    '/api/tasks/:itemId/lease',
    { schema: { params: ItemParams, response: withErrors(Empty) } },
    async (request) => {
      await desk.release(annotatorOf(request).id, request.params.itemId);
      return {};
    },
  );
}

function recentOf(desk: LabelingDesk, annotatorId: AnnotatorId, limit: number): RecentReply['judgements'] {
  const newest = [...desk.book.ofAnnotator(annotatorId)].sort((a, b) => b.at - a.at).slice(0, limit);
  return newest.flatMap((entry) => {
    const item = desk.set.byId.get(entry.itemId);
    const { comparison, createdAt } = desk.book.judgementOf(entry);
    if (item === undefined || comparison.kind === 'missing') return [];
    return [{ itemId: item.id, excerpt: excerptOf(item), comparison: comparison.kind, createdAt }];
  });
}
