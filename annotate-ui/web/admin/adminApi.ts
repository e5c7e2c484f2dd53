// What the admin's view, and the lead's invitations, ask of the server.
import type {
  AuditReply,
  InvitationReply,
  InvitationRequest,
  InvitationsReply,
  PeopleReply,
  PersonReply,
  PersonRequest,
  Role,
} from '../../../src/core/annotation/people.ts';
import { call } from '../net/call.ts';

const part = (text: string) => encodeURIComponent(text);

export const AUDIT_PAGE = 100;

export const adminApi = {
  people: () => call<PeopleReply>('GET', '/api/admin/people'),
  add: (person: PersonRequest) => call<PersonReply>('POST', '/api/admin/people', person),
  setRole: (id: string, role: Role) => call<unknown>('PATCH', `/api/admin/people/${part(id)}`, { role }),
  remove: (id: string) => call<unknown>('DELETE', `/api/admin/people/${part(id)}`),
  invitations: () => call<InvitationsReply>('GET', '/api/invitations'),
  invite: (request: InvitationRequest) => call<InvitationReply>('POST', '/api/invitations', request),
  withdraw: (id: string) => call<unknown>('DELETE', `/api/invitations/${part(id)}`),
  audit: (before: number | null) =>
    call<AuditReply>('GET', `/api/admin/audit?limit=${AUDIT_PAGE}${before === null ? '' : `&before=${before}`}`),
};
