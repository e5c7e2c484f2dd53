// The interface described by the same schemas that check it: GET /api/openapi.json, open to everyone.
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';

const DESCRIPTION = `Signing in: POST /api/session with a personal token gives a sessionToken, which a script sends as
Authorization: Bearer. The page has the same in an HttpOnly cookie and sends the header x-fourfold-request: 1 with every
request that changes something. Every failure is { "error": { "code", "message" } }.`;

/** Must come before the routes. @param version of the package */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'fourfold labeling server', description: DESCRIPTION, version },
      components: { securitySchemes: { session: { type: 'http', scheme: 'bearer' } } },
      security: [{ session: [] }],
    },
    transform: jsonSchemaTransform,
  });
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
