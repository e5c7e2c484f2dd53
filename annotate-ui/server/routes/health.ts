// Whether the server is up; open to everyone and silent about the work.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { withErrors } from '../schemas/replies.ts';

export async function healthRoutes(app: FastifyInstance): Promise<void> {
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/api/health',
      { schema: { response: withErrors(z.strictObject({ status: z.literal('ok') })) } },
      async () => ({
        status: 'ok' as const,
      }),
    );
}
