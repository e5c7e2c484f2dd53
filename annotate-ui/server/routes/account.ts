// What an annotator may know of themselves and of the work: identity, project, criteria, own progress.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CriterionCard } from '../../../src/core/annotation/project.ts';
import {
  Empty,
  Me,
  PasswordChange,
  ProgressReply,
  ProjectReply,
  SessionReply,
  StandingReply,
} from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { audit, type LabelingServer } from '../labelingServer.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { meOf, signIn } from './session.ts';

export async function accountRoutes(app: FastifyInstance, server: LabelingServer): Promise<void> {
  const { desk, workspace } = server;
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get('/api/me', { schema: { response: withErrors(Me) } }, async (request) => meOf(desk, annotatorOf(request)));

  routes.get('/api/project', { schema: { response: withErrors(ProjectReply) } }, async () => {
    const { id, candidateSetId, title, guidelines, criteria, ask, leaseMinutes, qualification } = desk.project;
    const round =
      qualification === null
        ? null
        : {
            items: qualification.items.length,
            passMark: qualification.passMark,
            attempts: qualification.attempts,
          };
    return { id, candidateSetId, title, guidelines, criteria, ask, leaseMinutes, qualification: round };
  });

  routes.get(
    '/api/criteria',
    { schema: { response: withErrors(z.array(CriterionCard)) } },
    async () => desk.project.criteria,
  );

  routes.get('/api/progress', { schema: { response: withErrors(ProgressReply) } }, async (request) => {
    const { id } = annotatorOf(request);
    return { candidateSetId: desk.set.id, annotators: [{ annotatorId: id, ...desk.progress(id) }] };
  });

  routes.post(
    '/api/guidelines/read',
    { schema: { body: Empty, response: withErrors(StandingReply) } },
    async (request) => {
      const { id } = annotatorOf(request);
      await desk.readGuidelines(id);
      return { standing: desk.standing(id) };
    },
  );

  routes.put(
    '/api/account/password',
    {
      schema: { body: PasswordChange, response: withErrors(SessionReply) },
      config: { rateLimit: { max: 10, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const person = annotatorOf(request);
      const { current, password } = request.body;
      if (person.passwordHash !== undefined) {
        const isRight = await workspace.annotators.authenticateByPassword(person.id, current ?? '');
        if (isRight === null) throw new FourfoldError('not-allowed', 'The present password is not right.');
      }
      const changed = workspace.annotators.setPassword(person.id, password);
      await audit(server, request, 'account.password', person.id);
      return signIn(server, changed, reply);
    },
  );
}
