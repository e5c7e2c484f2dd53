// Errors as OpenAI's clients expect them: { error: { message, type, param, code } } with a fitting status. What a client did
// wrong is told in full; what went wrong inside goes to the server's own log.
import type { FastifyError, FastifyInstance } from 'fastify';
import { FourfoldError, messageOf } from '../core/errors.ts';

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string };
}

/** OpenAI's names of the kinds of errors, by status. */
function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

const INSIDE = 'The server failed; its log says why.';

/** OpenAI has 400 where we have narrower ones. */
const statusOfOurs = (error: FourfoldError) => ([413, 422].includes(error.httpStatus) ? 400 : error.httpStatus);

function paramOf(error: object): string | null {
  return 'param' in error && typeof error.param === 'string' ? error.param : null;
}

export function errorBody(error: unknown): ErrorBody {
  if (!(error instanceof FourfoldError)) {
    return { error: { message: INSIDE, type: 'server_error', param: null, code: 'internal' } };
  }
  const code = error.code === 'too-long' ? 'context_length_exceeded' : error.code;
  return { error: { message: error.message, type: typeOf(error.httpStatus), param: paramOf(error), code } };
}

export function registerErrors(app: FastifyInstance, note: (line: string) => void): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof FourfoldError) {
      if (error.httpStatus >= 500 && error.code !== 'interrupted')
        note(`${request.method} ${request.url}: ${error.message}`);
      return reply.code(statusOfOurs(error)).send(errorBody(error));
    }
    const status = error.statusCode ?? 500;
    if (status >= 500) {
      note(`${request.method} ${request.url}: ${messageOf(error)}`);
      return reply.code(500).send(errorBody(error));
    }
    const body: ErrorBody = { error: { message: error.message, type: typeOf(status), param: null, code: error.code } };
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: {
        message: `There is no ${request.method} ${request.url.split('?')[0]} here.`,
        type: 'invalid_request_error',
        param: null,
        code: 'not-found',
      },
    } satisfies ErrorBody),
  );
}
