// Who is asking: the session from the cookie (the page) or from the Authorization header (scripts); and what their role
// lets them do.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { mayActAs, type Role } from '../../../src/core/annotation/people.ts';
import { REQUEST_HEADER } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { Annotator } from '../../../src/store/indexFile.ts';
import type { Sessions } from '../sessions.ts';

export const SESSION_COOKIE = 'fourfold_session';
export const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const DECORATOR = 'annotator';

/** The bearer token of the request, or null. */
export function bearerOf(request: FastifyRequest): string | null {
  return /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** The session token of the request, or null. */
export function sessionTokenOf(request: FastifyRequest): string | null {
  return bearerOf(request) ?? request.cookies[SESSION_COOKIE] ?? null;
}

/**
 * Lets only people with a living session and that role through to the routes of `app`, before a body is even read. The
 * role is that of the account as it stands in the workspace; nothing that a client sends can raise it.
 */
export function requireRole(app: FastifyInstance, sessions: Sessions, needed: Role): void {
  app.decorateRequest(DECORATOR, null);
  app.addHook('onRequest', async (request) => {
    const token = sessionTokenOf(request);
    const annotator = token === null ? null : sessions.annotatorOf(token);
    if (annotator === null) {
      throw new FourfoldError('not-signed-in', 'Expected a session. Sign in with your personal link.');
    }
    if (!mayActAs(annotator.role, needed)) {
      throw new FourfoldError('not-allowed', `Expected the role ${needed}; ${annotator.id} is ${annotator.role}.`);
    }
    // A cookie comes along by itself; a header of our own is what no form or link of another site can send.
    const isByCookie = bearerOf(request) === null;
    if (isByCookie && !SAFE_METHODS.has(request.method) && request.headers[REQUEST_HEADER] === undefined) {
      throw new FourfoldError(
        'not-allowed',
        `Expected the header ${REQUEST_HEADER}: 1 on a request that changes something.`,
      );
    }
    request.setDecorator(DECORATOR, annotator);
  });
}

/** The person whom `requireRole` let through. */
export function annotatorOf(request: FastifyRequest): Annotator {
  return request.getDecorator<Annotator>(DECORATOR);
}

/** The person, or null on a route that is open to everyone. */
export function personOf(request: FastifyRequest): Annotator | null {
  return (Reflect.get(request, DECORATOR) as Annotator | undefined) ?? null;
}
