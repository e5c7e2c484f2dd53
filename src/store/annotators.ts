// Annotators and their personal tokens. Only a memory-hard hash of a token is kept (scrypt, RFC 7914).
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { FourfoldError } from '../core/errors.ts';
import { AnnotatorId } from '../core/ids.ts';
import type { Annotator, Index } from './indexFile.ts';

export interface Annotators {
  /** Adds an annotator and returns the token, which is shown this once. @throws conflict where the id is taken. */
  add(who: { id: string; name: string; simulated: boolean }): { annotator: Annotator; token: string };
  list(): Annotator[];
  get(id: string): Annotator | null;
  /** The annotator whose token this is, or null. A token reads `<annotator id>:<secret>`. */
  authenticate(token: string): Annotator | null;
  remove(id: string): void;
}

const SECRET_BYTES = 24;
const KEY_BYTES = 32;
// OWASP's minimum for scrypt: N = 2^14, r = 8, p = 5 (16 MiB).
const SCRYPT = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 2 ** 20 };

const digestOf = (secret: string, salt: string) => scryptSync(secret, Buffer.from(salt, 'hex'), KEY_BYTES, SCRYPT);

export function annotatorsIn(index: Index): Annotators {
  const get = (id: string) => index.read().annotators.find((annotator) => annotator.id === id) ?? null;
  return {
    add({ id, name, simulated }) {
      const parsed = AnnotatorId.safeParse(id);
      if (!parsed.success) {
        throw new FourfoldError(
          'bad-option',
          `Expected an annotator id of letters, digits, dot and dash, got ${JSON.stringify(id)}.`,
        );
      }
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const salt = randomBytes(16).toString('hex');
      const annotator: Annotator = {
        id: parsed.data,
        name,
        simulated,
        tokenHash: { salt, digest: digestOf(secret, salt).toString('hex') },
        createdAt: new Date().toISOString(),
      };
      index.update((data) => {
        if (data.annotators.some((found) => found.id === id)) {
          throw new FourfoldError('conflict', `An annotator ${id} is there already. Choose another id.`);
        }
        data.annotators.push(annotator);
      });
      return { annotator, token: `${annotator.id}:${secret}` };
    },
    list: () => [...index.read().annotators],
    get,
    authenticate(token) {
      const at = token.indexOf(':');
      const annotator = at < 0 ? null : get(token.slice(0, at));
      if (annotator === null) return null;
      const expected = Buffer.from(annotator.tokenHash.digest, 'hex');
      const actual = digestOf(token.slice(at + 1), annotator.tokenHash.salt);
      return timingSafeEqual(expected, actual) ? annotator : null;
    },
    remove: (id) =>
      index.update((data) => {
        data.annotators = data.annotators.filter((annotator) => annotator.id !== id);
      }),
  };
}
