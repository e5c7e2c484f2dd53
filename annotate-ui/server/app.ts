// The labeling application: composes plugins and route groups over one candidate set. It does not listen (server.ts).
import cookie from '@fastify/cookie';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { defaultProject } from '../../src/core/annotation/defaultProject.ts';
import { packagePath } from '../../src/core/packageRoot.ts';
import type { Workspace } from '../../src/store/workspace.ts';
import { chooseCandidateSet, loadLabelingSet } from './candidateSet.ts';
import { type BackgroundJob, registerJobs } from './jobs.ts';
import { openJudgementBook } from './judgementBook.ts';
import { requireAnnotator } from './plugins/auth.ts';
import { registerErrors } from './plugins/errors.ts';
import { registerHeaders } from './plugins/headers.ts';
import { registerOriginChecks } from './plugins/origin.ts';
import { registerPage } from './plugins/page.ts';
import { accountRoutes } from './routes/account.ts';
import { healthRoutes } from './routes/health.ts';
import { sessionRoutes } from './routes/session.ts';
import { type LabelingDesk, taskRoutes } from './routes/tasks.ts';
import { openSessions } from './sessions.ts';
import { taskQueue } from './taskQueue.ts';

export interface AppOptions {
  workspace: Workspace;
  /** The set to label; null for the newest. */
  candidateSetId?: string | null;
  /** Answers under any host name, as a server does that other machines reach. */
  allowAnyHost?: boolean;
  jobs?: ReadonlyArray<BackgroundJob>;
  /** Folder of the built page. */
  webRoot?: string;
  signInsPerMinute?: number;
  /** Where failures of the server itself are told. */
  note?: (line: string) => void;
}

/** A judgement of six long replies takes a few kilobytes. */
const BODY_LIMIT_BYTES = 64 * 1024;
const SIGN_INS_PER_MINUTE = 30;

/** Builds the application; `inject()` works on what comes back. @throws not-found, bad-input, storage-failed. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { workspace, note = () => undefined } = options;
  const set = await loadLabelingSet(workspace, chooseCandidateSet(workspace, options.candidateSetId ?? null));
  const book = await openJudgementBook(workspace, set);
  const project = defaultProject(set.id);
  const desk: LabelingDesk = { project, set, book, queue: taskQueue(set, book.isDone) };
  const sessions = await openSessions(workspace);

  const app = fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  registerErrors(app, note);
  registerOriginChecks(app, { allowAnyHost: options.allowAnyHost ?? false });
  await registerHeaders(app);
  await app.register(cookie);
  await app.register(sessionRoutes, {
    sessions,
    project,
    signInsPerMinute: options.signInsPerMinute ?? SIGN_INS_PER_MINUTE,
  });
  await app.register(healthRoutes);
  await app.register(async (signedIn) => {
    requireAnnotator(signedIn, sessions);
    await signedIn.register(taskRoutes, desk);
    await signedIn.register(accountRoutes, desk);
  });
  await registerPage(app, options.webRoot ?? packagePath('dist', 'annotate-ui', 'web'));
  registerJobs(app, options.jobs ?? []);
  return app;
}
