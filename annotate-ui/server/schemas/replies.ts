// Response schemas that the route groups share.
import type { z } from 'zod';
import { ErrorReply } from '../../../src/core/annotationApi.ts';

/** The reply of a route that succeeds with `schema`, or fails with an error that a client can act on. */
export function withErrors<S extends z.ZodType>(schema: S) {
  return { 200: schema, '4xx': ErrorReply, '5xx': ErrorReply };
}
