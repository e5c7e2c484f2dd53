// Who is asking: the session from the cookie (the page) or from the Authorization header (scripts).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { Annotator } from '../../../src/store/indexFile.ts';
import type { Sessions } from '../sessions.ts';

export const SESSION_COOKIE = 'fourfold_session';
const DECORATOR = 'annotator';

/** The bearer token of the request, or null. */
export function bearerOf(request: FastifyRequest): string | null {
  return /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** The session token of the request, or null. */
export function sessionTokenOf(request: FastifyRequest): string | null {
  return bearerOf(request) ?? request.cookies[SESSION_COOKIE] ?? null;
}

/** Lets only annotators with a living session through to the routes of `app`, before a body is even read. */
export function requireAnnotator(app: FastifyInstance, sessions: Sessions): void {
  app.decorateRequest(DECORATOR, null);
  app.addHook('onRequest', async (request) => {
    const token = sessionTokenOf(request);
    const annotator = token === null ? null : sessions.annotatorOf(token);
    if (annotator === null) {
      throw new FourfoldError('not-signed-in', 'Expected a session. Sign in with your personal link.');
    }
    request.setDecorator(DECORATOR, annotator);
  });
}

/** The annotator whom `requireAnnotator` let through. */
export function annotatorOf(request: FastifyRequest): Annotator {
  return request.getDecorator<Annotator>(DECORATOR);
}
