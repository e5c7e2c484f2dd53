// The labeling application: composes plugins and route groups over one candidate set. It does not listen (server.ts).
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { packagePath, packageVersion } from '../../src/core/packageRoot.ts';
import type { Workspace } from '../../src/store/workspace.ts';
import { type BackgroundJob, registerJobs } from './jobs.ts';
import type { LabelingDesk } from './labeling/desk.ts';
import { type DeskSettings, openDesk } from './labeling/openDesk.ts';
import type { LabelingServer } from './labelingServer.ts';
import { requireRole } from './plugins/auth.ts';
import { registerErrors } from './plugins/errors.ts';
import { registerHeaders } from './plugins/headers.ts';
import { registerOpenApi } from './plugins/openapi.ts';
import { registerOriginChecks } from './plugins/origin.ts';
import { registerPage } from './plugins/page.ts';
import { accountRoutes } from './routes/account.ts';
import { adminRoutes } from './routes/admin.ts';
import { audioRoutes } from './routes/audio.ts';
import { exchangeRoutes } from './routes/exchange.ts';
import { healthRoutes } from './routes/health.ts';
import { invitationRoutes, inviteRoutes } from './routes/invitations.ts';
import { leadRoutes } from './routes/lead.ts';
import { sessionRoutes } from './routes/session.ts';
import { taskRoutes } from './routes/tasks.ts';
import { openSessions } from './sessions.ts';
import { openStatistics } from './statistics/statistics.ts';
import { Webhook } from './webhook.ts';

export interface AppOptions extends DeskSettings {
  workspace: Workspace;
  /** Answers under any host name, as a server does that other machines reach. */
  allowAnyHost?: boolean;
  jobs?: ReadonlyArray<BackgroundJob>;
  /** Folder of the built page. */
  webRoot?: string;
  signInsPerMinute?: number;
  /** How old figures may be though the log has grown since. */
  refreshMs?: number;
  /** Where failures of the server itself are told. */
  note?: (line: string) => void;
}

/** Nothing but judgements, drafts and imports needs more; those routes say so. */
const BODY_LIMIT_BYTES = 64 * 1024;
/** A team behind one address signs in within a minute; single accounts are held to fewer wrong attempts (attempts.ts). */
const SIGN_INS_PER_MINUTE = 60;
const REFRESH_MS = 15_000;

/** Builds the application; `inject()` works on what comes back. @throws not-found, bad-input, storage-failed. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { workspace, note = () => undefined } = options;
  const sessions = await openSessions(workspace);
  const desk: LabelingDesk = await openDesk(workspace, options, {
    onComplete: (complete, total) => tellComplete(desk, webhook, complete, total),
    onPaused: (annotatorId, score) => webhook.tell('annotator.paused', { annotatorId, score }),
  });
  const webhook = await Webhook.open({
    path: join(workspace.dir, 'labeling', desk.set.id, 'webhooks.jsonl'),
    project: () => desk.project,
    note,
  });
  const statistics = openStatistics(workspace.dir, desk, { refreshMs: options.refreshMs ?? REFRESH_MS });
  const server: LabelingServer = { workspace, desk, sessions };

  const app = fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  await registerOpenApi(app, packageVersion());
  registerErrors(app, note);
  registerOriginChecks(app, { allowAnyHost: options.allowAnyHost ?? false });
  await registerHeaders(app);
  await app.register(cookie);
  await app.register(rateLimit, { global: false });
  await app.register(sessionRoutes, {
    ...server,
    signInsPerMinute: options.signInsPerMinute ?? SIGN_INS_PER_MINUTE,
  });
  await app.register(healthRoutes);
  await app.register(invitationRoutes, { ...server, perMinute: options.signInsPerMinute ?? SIGN_INS_PER_MINUTE });
  await app.register(async (signedIn) => {
    requireRole(signedIn, sessions, 'annotator');
    await signedIn.register(taskRoutes, server);
    await signedIn.register(accountRoutes, server);
    await signedIn.register(audioRoutes, server);
  });
  await app.register(async (leads) => {
    requireRole(leads, sessions, 'lead');
    await leads.register(inviteRoutes, server);
    await leads.register(exchangeRoutes, server);
    await leads.register(leadRoutes, { ...server, statistics, webhook });
  });
  await app.register(async (admins) => {
    requireRole(admins, sessions, 'admin');
    await admins.register(adminRoutes, server);
  });
  await registerPage(app, options.webRoot ?? packagePath('dist', 'annotate-ui', 'web'));
  registerJobs(app, options.jobs ?? []);
  app.addHook('onReady', async () => webhook.start());
  app.addHook('onClose', async () => {
    await webhook.stop();
    await desk.holdings.close();
  });
  return app;
}

/** Told after every batch of complete items, and when all are. */
function tellComplete({ project }: LabelingDesk, webhook: Webhook, complete: number, total: number): void {
  const batchItems = project.webhook?.batchItems ?? total;
  if (complete === total) webhook.tell('project.complete', { complete, total });
  else if (complete % batchItems === 0) webhook.tell('batch.complete', { complete, total, batchItems });
}

/** The description of the interface that the application would serve. @throws as buildApp. */
export async function openApiOf(options: AppOptions): Promise<object> {
  const app = await buildApp(options);
  try {
    await app.ready();
    return app.swagger();
  } finally {
    await app.close();
  }
}
