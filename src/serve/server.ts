// Listens: the model server on an address, loopback unless told otherwise.
import { FourfoldError } from '../core/errors.ts';
import { isLoopback, listenError, requireLoopback, urlOf } from '../core/listening.ts';
import { buildServeApp, type ServeAppOptions } from './app.ts';

export interface ModelServerOptions extends Omit<ServeAppOptions, 'allowAnyHost'> {
  /** 0 takes a free port. */
  port: number;
  host: string;
  /** Permits a host that other machines can reach; needs a key. */
  allowRemote: boolean;
}

export interface RunningModelServer {
  /** 'http://127.0.0.1:4600' */
  url: string;
  /** Stops what is being generated, frees the models and the port. */
  close(): Promise<void>;
}

/** Refuses what would let strangers in, before a model is loaded. @throws bad-option. */
export function checkAddress({
  host,
  allowRemote,
  apiKey,
}: Pick<ModelServerOptions, 'host' | 'allowRemote' | 'apiKey'>): void {
  if (!allowRemote) requireLoopback(host);
  if (!isLoopback(host) && apiKey === null) {
    throw new FourfoldError(
      'bad-option',
      `Expected a key for a server that other machines reach (${host}), got none. Set FOURFOLD_API_KEY.`,
    );
  }
}

/** Starts the server. @throws bad-option, conflict (port in use). */
export async function startModelServer(options: ModelServerOptions): Promise<RunningModelServer> {
  const { port, host, allowRemote, ...rest } = options;
  checkAddress(options);
  const app = buildServeApp({ ...rest, allowAnyHost: allowRemote });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
  return { url: urlOf(app.server, host, port), close: () => app.close() };
}
