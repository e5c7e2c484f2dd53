// What an annotator may know of themselves and of the work: identity, criteria, own progress.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CriterionCard } from '../../../src/core/annotation/project.ts';
import { Me, ProgressReply, ProjectReply } from '../../../src/core/annotationApi.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { type LabelingDesk, progressOf, STANDING } from './tasks.ts';

export async function accountRoutes(app: FastifyInstance, desk: LabelingDesk): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get('/api/me', { schema: { response: withErrors(Me) } }, async (request) => {
    const { id, name, simulated } = annotatorOf(request);
    return {
      annotator: { id, name, simulated, role: 'annotator' as const },
      candidateSetId: desk.set.id,
      projectId: desk.project.id,
      standing: STANDING,
    };
  });

  routes.get('/api/project', { schema: { response: withErrors(ProjectReply) } }, async () => {
    const { id, candidateSetId, title, guidelines, criteria, ask, leaseMinutes } = desk.project;
    return { id, candidateSetId, title, guidelines, criteria, ask, leaseMinutes, qualification: null };
  });

  routes.get(
    '/api/criteria',
    { schema: { response: withErrors(z.array(CriterionCard)) } },
    async () => desk.project.criteria,
  );

  routes.get('/api/progress', { schema: { response: withErrors(ProgressReply) } }, async (request) => {
    const { id } = annotatorOf(request);
    return { candidateSetId: desk.set.id, annotators: [{ annotatorId: id, ...progressOf(desk, id) }] };
  });
}
