// Every failure leaves as { error: { code, message } } with its status. What a client did wrong is told in full;
// what went wrong inside goes to the server's own log, not to the client.
import type { FastifyError, FastifyInstance } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ErrorReply } from '../../../src/core/annotationApi.ts';
import { FourfoldError, messageOf } from '../../../src/core/errors.ts';

const CODES: Record<number, string> = { 413: 'too-long', 415: 'unsupported', 429: 'too-many', 404: 'not-found' };

const bodyOf = (code: string, message: string): ErrorReply => ({ error: { code, message } });

/** "ratings.c-1.fluency: expected a number up to 5" for each issue. */
function describeIssues(error: FastifyError): string {
  if (!hasZodFastifySchemaValidationErrors(error)) return error.message;
  const place = error.validationContext ?? 'request';
  return error.validation
    .map(
      (issue) =>
        `${place}${issue.instancePath.replace(/\/+$/, '').replaceAll('/', '.')}: ${issue.message ?? 'is not as expected'}`,
    )
    .join('; ');
}

export function registerErrors(app: FastifyInstance, note: (line: string) => void): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof FourfoldError) {
      if (error.httpStatus >= 500) note(`${request.method} ${request.url}: ${error.message}`);
      return reply.code(error.httpStatus).send(bodyOf(error.code, error.message));
    }
    if (hasZodFastifySchemaValidationErrors(error)) {
      return reply.code(400).send(bodyOf('bad-input', describeIssues(error)));
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(bodyOf(CODES[status] ?? 'bad-input', error.message));
    note(`${request.method} ${request.url}: ${messageOf(error)}`);
    return reply.code(500).send(bodyOf('internal', 'The server failed; its log says why. Nothing was saved.'));
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(bodyOf('not-found', `There is no ${request.method} ${request.url.split('?')[0]} here.`)),
  );
}
