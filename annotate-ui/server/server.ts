// Listens: the labeling application on an address, loopback unless told otherwise.
import { FourfoldError } from '../../src/core/errors.ts';
import { isLoopback, listenError, requireLoopback, urlOf } from '../../src/core/listening.ts';
import type { Workspace } from '../../src/store/workspace.ts';
import { type AppOptions, buildApp } from './app.ts';

export interface ServerOptions extends Omit<AppOptions, 'allowAnyHost'> {
  /** 0 takes a free port. */
  port: number;
  host?: string;
  /** Permits a host other than loopback, and requests under any host name, as through a proxy that adds TLS. */
  allowRemote?: boolean;
  /** Signs in as `admin:<secret>`; the account is made, or its token changed, to have it. */
  adminSecret?: string | null;
}

export interface RunningServer {
  /** 'http://127.0.0.1:4600' */
  url: string;
  /** Finishes what is being saved, stops the background jobs and frees the port. */
  close(): Promise<void>;
}

/** Starts the server. @throws bad-option, conflict (port in use), and what buildApp throws. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { port, host = '127.0.0.1', allowRemote = false, adminSecret = null, ...rest } = options;
  if (!allowRemote) requireLoopback(host);
  if (adminSecret !== null) await takeAdminSecret(options.workspace, adminSecret);
  if (!isLoopback(host) && !options.workspace.annotators.list().some(({ role }) => role === 'admin')) {
    throw new FourfoldError(
      'not-allowed',
      `Expected an admin before other machines are let in through ${host}. Add one: fourfold annotators add ID --role admin, or set ${ADMIN_SECRET}.`,
    );
  }
  const app = await buildApp({ ...rest, allowAnyHost: allowRemote });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
  return {
    url: urlOf(app.server, host, port),
    close: () => app.close(),
  };
}

/** Environment variable from which `fourfold serve` takes the admin's secret. */
export const ADMIN_SECRET = 'FOURFOLD_ADMIN_SECRET';
const ADMIN_ID = 'admin';
const SECRET_MIN = 16;

async function takeAdminSecret({ annotators }: Workspace, secret: string): Promise<void> {
  if (secret.length < SECRET_MIN) {
    throw new FourfoldError('bad-option', `Expected ${ADMIN_SECRET} to have ${SECRET_MIN} characters or more.`);
  }
  // The same secret again ends no session.
  if ((await annotators.authenticate(`${ADMIN_ID}:${secret}`))?.role === 'admin') return;
  const name = annotators.get(ADMIN_ID)?.name ?? ADMIN_ID;
  annotators.remove(ADMIN_ID);
  annotators.add({ id: ADMIN_ID, name, simulated: false, role: 'admin', secret });
}
