// Memory-hard hashes of personal tokens and passwords (scrypt, RFC 7914).
import { randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import type { SecretHash } from './indexFile.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 16;
// OWASP's minimum for scrypt: N = 2^14, r = 8, p = 5 (16 MiB).
const SCRYPT = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 2 ** 20 };

/** Takes a tenth of a second and keeps the event loop for as long: for accounts that are made, not for signing in. */
export function hashSecret(secret: string): SecretHash {
  const salt = randomBytes(SALT_BYTES);
  return {
    salt: salt.toString('hex'),
    digest: scryptSync(secret, salt, KEY_BYTES, SCRYPT).toString('hex'),
  };
}

/** Whether the hash is that of the secret; hashed beside the event loop, so that a sign-in keeps nobody waiting. */
export function isSecret(secret: string, { salt, digest }: SecretHash): Promise<boolean> {
  const expected = Buffer.from(digest, 'hex');
  return new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'hex'), expected.length, SCRYPT, (error, key) => {
      if (error === null) resolve(timingSafeEqual(expected, key));
      else reject(error);
    });
  });
}
