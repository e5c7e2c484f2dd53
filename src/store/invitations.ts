// Invitations: links by which one person makes an account, once and within a time. The code of a link is
// `<invitation id>.<secret>`; the secret has 256 random bits, so that its SHA-256 is enough to keep.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Role } from '../core/annotation/people.ts';
import { FourfoldError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import { insertAnnotator, newAnnotator } from './annotators.ts';
import type { Annotator, Index, Invitation } from './indexFile.ts';

export interface NewInvitation {
  role: Role;
  note: string;
  hours: number;
  /** Who made it: a person's id, or 'command line'. */
  createdBy: string;
}

export interface Invitations {
  /** Makes an invitation and its code, which is shown this once. */
  make(invitation: NewInvitation): { invitation: Invitation; code: string };
  list(): Invitation[];
  /** The open invitation of that code, or null where it is unknown, used or over. */
  open(code: string): Invitation | null;
  /** Uses the invitation up and makes the account, both or neither. @throws not-found, conflict where the id is taken. */
  accept(
    code: string,
    who: { id: string; name: string; password: string | null },
  ): { annotator: Annotator; token: string };
  /** @throws not-found. */
  remove(id: string): void;
}

const HOUR_MS = 60 * 60 * 1000;

export function invitationsIn(index: Index): Invitations {
  const find = (all: ReadonlyArray<Invitation>, code: string): Invitation | null => {
    const at = code.indexOf('.');
    const invitation = all.find(({ id }) => id === code.slice(0, Math.max(0, at)));
    if (invitation === undefined || invitation.used !== null) return null;
    if (Date.parse(invitation.expiresAt) <= Date.now()) return null;
    const given = Buffer.from(sha256(code.slice(at + 1)), 'hex');
    return timingSafeEqual(given, Buffer.from(invitation.secretSha256, 'hex')) ? invitation : null;
  };
  const gone = () =>
    new FourfoldError(
      'not-found',
      'This invitation is unknown, was used, or is over. Ask whoever sent you the link for a new one.',
    );
  return {
    make({ role, note, hours, createdBy }) {
      const secret = randomBytes(32).toString('base64url');
      const now = Date.now();
      const invitation: Invitation = {
        id: randomBytes(6).toString('hex'),
        role,
        note,
        secretSha256: sha256(secret),
        createdBy,
        createdAt: new Date(now).toISOString(),
        expiresAt: new Date(now + hours * HOUR_MS).toISOString(),
        used: null,
      };
      index.update((data) => {
        data.invitations.push(invitation);
      });
      return { invitation, code: `${invitation.id}.${secret}` };
    },
    list: () => [...index.read().invitations],
    open: (code) => find(index.read().invitations, code),
    accept(code, { id, name, password }) {
      const open = find(index.read().invitations, code);
      if (open === null) throw gone();
      const made = newAnnotator({ id, name, simulated: false, role: open.role, password });
      index.update((data) => {
        // Looked at again under the lock: two people may hold the link.
        const invitation = find(data.invitations, code);
        if (invitation === null) throw gone();
        insertAnnotator(data, made.annotator);
        invitation.used = { by: made.annotator.id, at: new Date().toISOString() };
      });
      return made;
    },
    remove: (id) =>
      index.update((data) => {
        const kept = data.invitations.filter((invitation) => invitation.id !== id);
        if (kept.length === data.invitations.length) {
          throw new FourfoldError('not-found', `Expected an invitation's id, got ${id}.`);
        }
        data.invitations = kept;
      }),
  };
}
