// Invitations: whoever leads makes them, whoever has the link looks at it and makes an account with it, once.
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  AcceptRequest,
  type InvitationCard,
  InvitationLookReply,
  InvitationLookRequest,
  InvitationReply,
  InvitationRequest,
  InvitationsReply,
} from '../../../src/core/annotation/people.ts';
import { AcceptReply, Empty } from '../../../src/core/annotationApi.ts';
import { FourfoldError } from '../../../src/core/errors.ts';
import type { Invitation } from '../../../src/store/indexFile.ts';
import { audit, type LabelingServer } from '../labelingServer.ts';
import { annotatorOf } from '../plugins/auth.ts';
import { withErrors } from '../schemas/replies.ts';
import { signIn } from './session.ts';

const cardOf = ({ secretSha256: _, ...card }: Invitation): InvitationCard => card;

/** For those who hold a link and have no account. @param perMinute requests that one address may make in a minute */
export async function invitationRoutes(
  app: FastifyInstance,
  { perMinute, ...server }: LabelingServer & { perMinute: number },
): Promise<void> {
  const { workspace, desk } = server;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const config = { rateLimit: { max: perMinute, timeWindow: '1 minute' } };

  routes.post(
    '/api/invitations/look',
    { config, schema: { body: InvitationLookRequest, response: withErrors(InvitationLookReply) } },
    async (request) => {
      const invitation = workspace.invitations.open(request.body.invitation);
      if (invitation === null) {
        throw new FourfoldError('not-found', 'This invitation is unknown, was used, or is over.');
      }
      const { role, expiresAt } = invitation;
      return { role, expiresAt, projectTitle: desk.project.title };
    },
  );

  routes.post(
    '/api/invitations/accept',
    { config, schema: { body: AcceptRequest, response: withErrors(AcceptReply) } },
    async (request, reply) => {
      const { invitation, ...who } = request.body;
      const { annotator, token } = workspace.invitations.accept(invitation, who);
      const signedIn = await signIn(server, annotator, reply);
      await audit(server, request, 'invitation.accept', annotator.id, {
        invitation: invitation.split('.')[0],
        role: annotator.role,
      });
      return { ...signedIn, token: who.password === null ? token : null };
    },
  );
}

/** For leads, who invite annotators, and admins, who invite anyone. */
export async function inviteRoutes(app: FastifyInstance, server: LabelingServer): Promise<void> {
  const { workspace } = server;
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.post(
    '/api/invitations',
    { schema: { body: InvitationRequest, response: withErrors(InvitationReply) } },
    async (request) => {
      const { id, role } = annotatorOf(request);
      if (role !== 'admin' && request.body.role !== 'annotator') {
        throw new FourfoldError('not-allowed', 'Expected the role annotator; only an admin invites leads and admins.');
      }
      const { invitation, code } = workspace.invitations.make({ ...request.body, createdBy: id });
      await audit(server, request, 'invitation.make', invitation.id, { role: invitation.role });
      return { invitation: cardOf(invitation), path: `/#invite=${code}` };
    },
  );

  routes.get('/api/invitations', { schema: { response: withErrors(InvitationsReply) } }, async () => ({
    invitations: workspace.invitations.list().map(cardOf),
  }));

  routes.delete(
    '/api/invitations/:invitationId',
    { schema: { params: z.strictObject({ invitationId: z.string().max(64) }), response: withErrors(Empty) } },
    async (request) => {
      workspace.invitations.remove(request.params.invitationId);
      await audit(server, request, 'invitation.remove', request.params.invitationId);
      return {};
    },
  );
}
