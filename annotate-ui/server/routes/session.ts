// Signing in and out, with a personal token or with a password.
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { Empty, type Me, SessionReply, SessionRequest } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { Annotator } from '../../../src/store/indexFile.ts';
import { Attempts } from '../attempts.ts';
import type { LabelingDesk } from '../labeling/desk.ts';
import { audit, type LabelingServer } from '../labelingServer.ts';
import { SESSION_COOKIE, sessionTokenOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { SESSION_LIFE_MS, type Sessions } from '../sessions.ts';

export interface SessionRouteOptions extends LabelingServer {
  /** Sign-ins that one address may try in a minute: each costs a memory-hard hash. */
  signInsPerMinute: number;
}

const COOKIE = { path: '/', httpOnly: true, sameSite: 'strict', secure: 'auto' } as const;

/** Opens a session, sets its cookie, and says who is signed in. @throws storage-failed. */
export async function signIn(
  { sessions, desk }: { sessions: Sessions; desk: LabelingDesk },
  annotator: Annotator,
  reply: FastifyReply,
): Promise<SessionReply> {
  const { sessionToken, expiresAt } = await sessions.open(annotator);
  reply.setCookie(SESSION_COOKIE, sessionToken, { ...COOKIE, maxAge: SESSION_LIFE_MS / 1000 });
  return { ...meOf(desk, annotator), sessionToken, expiresAt };
}

export function meOf(desk: LabelingDesk, { id, name, simulated, role }: Annotator): Me {
  return {
    annotator: { id, name, simulated, role },
    candidateSetId: desk.set.id,
    projectId: desk.project.id,
    standing: desk.standing(id),
  };
}

export async function sessionRoutes(app: FastifyInstance, options: SessionRouteOptions): Promise<void> {
  const { workspace, sessions, signInsPerMinute } = options;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const attempts = new Attempts();

  routes.post(
    '/api/session',
    {
      schema: { body: SessionRequest, response: withErrors(SessionReply) },
      config: { rateLimit: { max: signInsPerMinute, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const { body } = request;
      const account = 'token' in body ? (body.token.split(':')[0] ?? '').slice(0, 128) : body.annotatorId;
      attempts.check(account);
      const annotator =
        'token' in body
          ? await workspace.annotators.authenticate(body.token)
          : await workspace.annotators.authenticateByPassword(body.annotatorId, body.password);
      if (annotator === null) {
        attempts.failed(account);
        await audit(options, request, 'session.refused', account);
        throw new FourfoldError(
          'not-signed-in',
          'token' in body
            ? 'This token is not known here. Ask whoever sent you the link for a new one (fourfold annotators add).'
            : 'This name and password are not known here. Check both, or ask for a new invitation.',
        );
      }
      attempts.succeeded(account);
      const signedIn = await signIn(options, annotator, reply);
      await audit(options, request, 'session.open', annotator.id);
      return signedIn;
    },
  );

  routes.delete('/api/session', { schema: { response: withErrors(Empty) } }, async (request, reply) => {
    const token = sessionTokenOf(request);
    if (token !== null) await sessions.close(token);
    reply.clearCookie(SESSION_COOKIE, COOKIE);
    return {};
  });
}
