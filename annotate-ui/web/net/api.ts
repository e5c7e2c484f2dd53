// What an annotator's part asks of the server, typed by the server's own schemas.
import type { AcceptRequest, InvitationLookReply } from '../../../src/core/annotation/people.ts';
import type {
  AcceptReply,
  DraftReply,
  JudgementReply,
  JudgementRequest,
  Me,
  NextReply,
  ProjectReply,
  SessionReply,
  SessionRequest,
  StandingReply,
} from '../../../src/core/annotationApi.ts';
import { call } from './call.ts';

const taskPath = (itemId: string, part: string) => `/api/tasks/${encodeURIComponent(itemId)}/${part}`;

export const api = {
  me: () => call<Me>('GET', '/api/me'),
  signIn: (credentials: SessionRequest) => call<SessionReply>('POST', '/api/session', credentials),
  signOut: () => call<Record<string, never>>('DELETE', '/api/session'),
  lookAtInvitation: (invitation: string) => call<InvitationLookReply>('POST', '/api/invitations/look', { invitation }),
  accept: (request: AcceptRequest) => call<AcceptReply>('POST', '/api/invitations/accept', request),
  project: () => call<ProjectReply>('GET', '/api/project'),
  guidelinesRead: () => call<StandingReply>('POST', '/api/guidelines/read', {}),
  /** @param held items that this page shows or has still to send */
  next: (held: ReadonlyArray<string>) =>
    call<NextReply>('GET', `/api/tasks/next?exclude=${encodeURIComponent(held.join(','))}`),
  judge: (itemId: string, body: JudgementRequest) => call<JudgementReply>('PUT', taskPath(itemId, 'judgement'), body),
  saveDraft: (itemId: string, draft: unknown) => call<DraftReply>('PUT', taskPath(itemId, 'draft'), { draft }),
  /** Gives an item back that was fetched and not judged. */
  release: (itemId: string) => call<unknown>('DELETE', taskPath(itemId, 'lease')),
};
