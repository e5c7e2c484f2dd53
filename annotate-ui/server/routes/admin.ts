// For admins: the people and their roles, and the audit log.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AuditReply,
  PeopleReply,
  Person,
  PersonReply,
  PersonRequest,
  RoleChange,
} from '../../../src/core/annotation/people.ts';
import { Empty } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import { AnnotatorId } from '../../../src/core/ids.ts';
import type { Annotator } from '../../../src/store/indexFile.ts';
import { audit, type LabelingServer } from '../labelingServer.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';

const PersonParams = z.strictObject({ annotatorId: AnnotatorId });
const AuditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.coerce.number().int().min(0).optional(),
});

const personOf = ({ id, name, role, simulated, passwordHash, createdAt }: Annotator): Person => ({
  id,
  name,
  role,
  simulated,
  hasPassword: passwordHash !== undefined,
  createdAt,
});

export async function adminRoutes(app: FastifyInstance, server: LabelingServer): Promise<void> {
  const { workspace } = server;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const refuseOneself = (own: string, other: string) => {
    if (own === other) throw new FourfoldError('not-allowed', 'Nobody changes their own role or removes themselves.');
  };

  routes.get('/api/admin/people', { schema: { response: withErrors(PeopleReply) } }, async () => ({
    people: workspace.annotators.list().map(personOf),
  }));

  routes.post(
    '/api/admin/people',
    { schema: { body: PersonRequest, response: withErrors(PersonReply) } },
    async (request) => {
      const { annotator, token } = workspace.annotators.add(request.body);
      await audit(server, request, 'person.add', annotator.id, { role: annotator.role });
      return { person: personOf(annotator), token };
    },
  );

  routes.patch(
    '/api/admin/people/:annotatorId',
    { schema: { params: PersonParams, body: RoleChange, response: withErrors(Person) } },
    async (request) => {
      const { annotatorId } = request.params;
      refuseOneself(annotatorOf(request).id, annotatorId);
      const changed = workspace.annotators.setRole(annotatorId, request.body.role);
      await audit(server, request, 'person.role', annotatorId, { role: changed.role });
      return personOf(changed);
    },
  );

  routes.delete(
    '/api/admin/people/:annotatorId',
    { schema: { params: PersonParams, response: withErrors(Empty) } },
    async (request) => {
      const { annotatorId } = request.params;
      refuseOneself(annotatorOf(request).id, annotatorId);
      if (workspace.annotators.get(annotatorId) === null) {
        throw new FourfoldError('not-found', `Expected the id of a person, got ${annotatorId}.`);
      }
      workspace.annotators.remove(annotatorId);
      await audit(server, request, 'person.remove', annotatorId);
      return {};
    },
  );

  routes.get(
    '/api/admin/audit',
    { schema: { querystring: AuditQuery, response: withErrors(AuditReply) } },
    async (request) => {
      const entries = await workspace.audit.read();
      const end = Math.min(request.query.before ?? entries.length, entries.length);
      const start = Math.max(0, end - request.query.limit);
      return { entries: entries.slice(start, end).reverse(), nextBefore: start === 0 ? null : start };
    },
  );
}
