// The built page. Where it was not built, a page that says how to build it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>fourfold</title>
<h1>The labeling page is not built</h1>
<p>Run <code>npm run build:web</code> in the package's folder, then reload. The interface under <code>/api</code> works without it.</p>
</html>
`;

export async function registerPage(app: FastifyInstance, webRoot: string): Promise<void> {
  if (!existsSync(join(webRoot, 'index.html'))) {
    app.get('/', async (_request, reply) => reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT));
    return;
  }
  await app.register(fastifyStatic, {
    root: webRoot,
    // Names under assets/ carry a hash of their content; index.html must always be asked for again.
    cacheControl: false,
    setHeaders: (response, path) => {
      const isHashed = path.startsWith(join(webRoot, 'assets'));
      response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
