// What every server of ours does when it listens: loopback unless told otherwise, and clear words where it cannot.
import { isIPv6 } from 'node:net';
import { FourfoldError, systemCodeOf } from './errors.ts';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** @throws bad-option for a host that other machines can reach. */
export function requireLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new FourfoldError(
    'bad-option',
    `Expected a loopback host such as 127.0.0.1, got ${host}. To let other machines in, add --allow-remote, and put TLS in front.`,
  );
}

/** What went wrong when a server tried to listen, as one of ours. */
export function listenError(error: unknown, host: string, port: number): unknown {
  switch (systemCodeOf(error)) {
    case 'EADDRINUSE':
      return new FourfoldError(
        'conflict',
        `Expected port ${port} of ${host} to be free; another program uses it. Choose another with --port, or stop that program.`,
        { cause: error },
      );
    case 'EACCES':
      return new FourfoldError('not-allowed', `Port ${port} needs more rights. Choose one above 1023 with --port.`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new FourfoldError('bad-option', `Expected --host to be an address of this machine, got ${host}.`, {
        cause: error,
      });
    default:
      return error;
  }
}

/** Where a server is that listens: 'http://127.0.0.1:4600'. @param port what was asked for; 0 took a free one */
export function urlOf(server: { address(): { port: number } | string | null }, host: string, port: number): string {
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`;
}
