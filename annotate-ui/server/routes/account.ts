// What an annotator may know of themselves and of the work: identity, criteria, own progress.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CriterionCard, Me, ProgressReply } from '../../../src/core/annotationApi.ts';
import { CRITERION_CARDS } from '../criteria.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { type LabelingDesk, progressOf } from './tasks.ts';

export async function accountRoutes(app: FastifyInstance, desk: LabelingDesk): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get('/api/me', { schema: { response: withErrors(Me) } }, async (request) => {
    const { id, name, simulated } = annotatorOf(request);
    return { annotator: { id, name, simulated }, candidateSetId: desk.set.id };
  });

  routes.get(
    '/api/criteria',
    { schema: { response: withErrors(z.array(CriterionCard)) } },
    async () => CRITERION_CARDS,
  );

  routes.get('/api/progress', { schema: { response: withErrors(ProgressReply) } }, async (request) => {
    const { id } = annotatorOf(request);
    return { candidateSetId: desk.set.id, annotators: [{ annotatorId: id, ...progressOf(desk, id) }] };
  });
}
