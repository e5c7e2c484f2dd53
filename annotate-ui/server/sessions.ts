// Sessions: 256 random bits handed to the client, of which only the SHA-256 is kept, in memory and in a small file
// of the workspace so that a restart signs nobody out. A session dies with the annotator's token and password.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { asStorageError } from '../../src/core/errors.ts';
import { AnnotatorId, sha256 } from '../../src/core/ids.ts';
import { parseJson, parseWith } from '../../src/core/jsonl.ts';
import type { Annotator } from '../../src/store/indexFile.ts';
import type { Workspace } from '../../src/store/workspace.ts';

const SESSION_BYTES = 32;
export const SESSION_LIFE_MS = 30 * 24 * 60 * 60 * 1000;

const SessionFile = z.strictObject({
  version: z.literal(1),
  sessions: z.array(
    z.strictObject({
      tokenSha256: z.string(),
      annotatorId: AnnotatorId,
      /** Names the annotator's token and password without telling them; a new one ends the sessions of the old. */
      credential: z.string(),
      expiresAt: z.iso.datetime(),
    }),
  ),
});
type Session = z.infer<typeof SessionFile>['sessions'][number];

export interface Sessions {
  /** Opens a session for someone who has shown who they are. @throws storage-failed. */
  open(annotator: Annotator): Promise<{ sessionToken: string; expiresAt: string }>;
  /** The annotator of a living session, or null. */
  annotatorOf(sessionToken: string): Annotator | null;
  close(sessionToken: string): Promise<void>;
}

const credentialOf = (annotator: Annotator) =>
  sha256([annotator.id, annotator.tokenHash.digest, annotator.passwordHash?.digest].join(' '));

/** Opens the sessions of a workspace. @throws bad-input, storage-failed. */
export async function openSessions(workspace: Workspace): Promise<Sessions> {
  const path = join(workspace.dir, 'sessions.json');
  const living = new Map<string, Session>();
  const isOver = (session: Session) => Date.parse(session.expiresAt) <= Date.now();

  if (existsSync(path)) {
    const file = parseWith(SessionFile, parseJson(await readFile(path, 'utf8'), path), path);
    for (const session of file.sessions) living.set(session.tokenSha256, session);
  }

  let tail: Promise<void> = Promise.resolve();
  const persist = () => {
    const write = async () => {
      for (const [hash, session] of living) if (isOver(session)) living.delete(hash);
      const file = { version: 1, sessions: [...living.values()] };
      try {
        await writeFileAtomic(path, `${JSON.stringify(file, null, 1)}\n`, { mode: 0o600, fsync: true });
      } catch (error) {
        throw asStorageError(error, path, 'write');
      }
    };
    const next = tail.then(write);
    tail = next.catch(() => undefined);
    return next;
  };

  return {
    async open(annotator) {
      const sessionToken = randomBytes(SESSION_BYTES).toString('base64url');
      const expiresAt = new Date(Date.now() + SESSION_LIFE_MS).toISOString();
      const tokenSha256 = sha256(sessionToken);
      living.set(tokenSha256, {
        tokenSha256,
        annotatorId: annotator.id,
        credential: credentialOf(annotator),
        expiresAt,
      });
      await persist();
      return { sessionToken, expiresAt };
    },
    annotatorOf(sessionToken) {
      const session = living.get(sha256(sessionToken));
      if (session === undefined || isOver(session)) return null;
      const annotator = workspace.annotators.get(session.annotatorId);
      return annotator !== null && credentialOf(annotator) === session.credential ? annotator : null;
    },
    async close(sessionToken) {
      if (living.delete(sha256(sessionToken))) await persist();
    },
  };
}
