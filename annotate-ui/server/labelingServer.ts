// What the route groups share: the workspace, the desk, the sessions, and the audit log.
import type { FastifyRequest } from 'fastify';
import type { Workspace } from '../../src/store/workspace.ts';
import type { LabelingDesk } from './labeling/desk.ts';
import { personOf } from './plugins/auth.ts';
import type { Sessions } from './sessions.ts';

export interface LabelingServer {
  workspace: Workspace;
  desk: LabelingDesk;
  sessions: Sessions;
}

/** Puts on record who did what; on the disk when this returns. @throws storage-failed. */
export async function audit(
  { workspace }: Pick<LabelingServer, 'workspace'>,
  request: FastifyRequest,
  action: string,
  subject: string | null,
  details: Record<string, unknown> = {},
): Promise<void> {
  const who = personOf(request)?.id ?? null;
  const at = new Date().toISOString();
  await workspace.audit.append([{ at, who, action, subject, details, address: request.ip }]);
}
