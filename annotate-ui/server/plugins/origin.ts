// Against forged requests: the Host must be one of ours (DNS rebinding), and a request that changes something must
// come from a page of ours or carry a bearer token, which no other site can make a browser send (CSRF).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FourfoldError } from '../../../src/core/errors.ts';
import { bearerOf, SAFE_METHODS } from './auth.ts';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** The host without its port: 'localhost:4600' gives 'localhost', '[::1]:4600' gives '[::1]'. */
function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

function isSameOrigin(request: FastifyRequest): boolean {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin === undefined) return site !== undefined;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** @param allowAnyHost for a server that is reached from other machines, under names it cannot know */
export function registerOriginChecks(app: FastifyInstance, { allowAnyHost }: { allowAnyHost: boolean }): void {
  app.addHook('onRequest', async (request) => {
    const host = request.headers.host ?? '';
    if (!allowAnyHost && !LOOPBACK_NAMES.includes(hostnameOf(host))) {
      throw new FourfoldError(
        'not-allowed',
        `Expected a request to ${LOOPBACK_NAMES.join(', ')}, got one to ${JSON.stringify(host.slice(0, 80))}.`,
      );
    }
    if (SAFE_METHODS.has(request.method)) return;
    const isScript = bearerOf(request) !== null || isFirstContactOfScript(request);
    if (isScript ? request.headers.origin !== undefined && !isSameOrigin(request) : !isSameOrigin(request)) {
      throw new FourfoldError(
        'not-allowed',
        'Expected the request to come from this server’s own page. A script sends Authorization: Bearer instead of a cookie.',
      );
    }
  });
}

/** A script that signs in has no session yet: no cookie, and no browser's Origin or Sec-Fetch-Site. */
function isFirstContactOfScript(request: FastifyRequest): boolean {
  const { cookie, origin } = request.headers;
  return cookie === undefined && origin === undefined && request.headers['sec-fetch-site'] === undefined;
}
