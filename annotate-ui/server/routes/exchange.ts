// Labels in and out over HTTP, for leads.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { ExportQuery, ImportQuery, ImportReply } from '../../../src/core/annotation/exchange.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { exportLabels } from '../../../src/labels/exportLabels.ts';
import { importLabels } from '../../../src/labels/importLabels.ts';
import { audit, type LabelingServer } from '../labelingServer.ts';
import { withErrors } from '../schemas/replies.ts';

const IMPORT_LIMIT_BYTES = 32 * 1024 * 1024;

export async function exchangeRoutes(app: FastifyInstance, server: LabelingServer): Promise<void> {
  const { workspace, desk } = server;
  // In this group alone a body may be a file.
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.post(
    '/api/lead/import',
    { bodyLimit: IMPORT_LIMIT_BYTES, schema: { querystring: ImportQuery, response: withErrors(ImportReply) } },
    async (request) => {
      const { body } = request;
      if (!Buffer.isBuffer(body)) {
        throw new FourfoldError(
          'bad-input',
          'Expected the file as the body, with content type application/octet-stream.',
        );
      }
      const name = 'the file';
      const made = await importLabels({ workspace, text: body.toString('utf8'), name, format: request.query.format });
      await audit(server, request, 'labels.import', made.candidateSetId, { format: made.format, items: made.items });
      return made;
    },
  );

  routes.get('/api/lead/export', { schema: { querystring: ExportQuery } }, async (request, reply) => {
    const { format } = request.query;
    const text = await exportLabels(workspace, desk.set.id, format);
    await audit(server, request, 'labels.export', desk.set.id, { format });
    const isCsv = format === 'csv';
    return reply
      .type(isCsv ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
      .header('content-disposition', `attachment; filename="${desk.set.id}-${format}.${isCsv ? 'csv' : 'jsonl'}"`)
      .send(text);
  });
}
