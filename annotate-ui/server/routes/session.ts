// Signing in and out.
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Project } from '../../../src/core/annotation/project.ts';
import { SessionReply, SessionRequest } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { SESSION_COOKIE, sessionTokenOf } from '../plugins/auth.ts';
import { Empty, withErrors } from '../schemas/replies.ts';
import { SESSION_LIFE_MS, type Sessions } from '../sessions.ts';
import { STANDING } from './tasks.ts';

export interface SessionRouteOptions {
  sessions: Sessions;
  project: Project;
  /** Sign-ins that one address may try in a minute: each costs a memory-hard hash. */
  signInsPerMinute: number;
}

const COOKIE = { path: '/', httpOnly: true, sameSite: 'strict', secure: 'auto' } as const;

export async function sessionRoutes(
  app: FastifyInstance,
  { sessions, project, signInsPerMinute }: SessionRouteOptions,
): Promise<void> {
  await app.register(rateLimit, { global: false });
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.post(
    '/api/session',
    {
      schema: { body: SessionRequest, response: withErrors(SessionReply) },
      config: { rateLimit: { max: signInsPerMinute, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const opened = 'token' in request.body ? await sessions.open(request.body.token) : null;
      if (opened === null) {
        throw new FourfoldError(
          'not-signed-in',
          'This token is not known here. Ask whoever sent you the link for a new one (fourfold annotators add).',
        );
      }
      const { annotator, sessionToken, expiresAt } = opened;
      reply.setCookie(SESSION_COOKIE, sessionToken, { ...COOKIE, maxAge: SESSION_LIFE_MS / 1000 });
      return {
        annotator: {
          id: annotator.id,
          name: annotator.name,
          simulated: annotator.simulated,
          role: 'annotator' as const,
        },
        candidateSetId: project.candidateSetId,
        projectId: project.id,
        standing: STANDING,
        sessionToken,
        expiresAt,
      };
    },
  );

  routes.delete('/api/session', { schema: { response: withErrors(Empty) } }, async (request, reply) => {
    const token = sessionTokenOf(request);
    if (token !== null) await sessions.close(token);
    reply.clearCookie(SESSION_COOKIE, COOKIE);
    return {};
  });
}
