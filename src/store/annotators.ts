// Annotators, leads and admins with their personal tokens and passwords, of which only memory-hard hashes are kept.
import { randomBytes } from 'node:crypto';
import type { Role } from '../core/annotation/people.ts';
import { FourfoldError } from '../core/errors.ts';
import { AnnotatorId } from '../core/ids.ts';
import type { Annotator, Index, IndexData } from './indexFile.ts';
import { hashSecret, isSecret } from './secrets.ts';

export interface NewAnnotator {
  id: string;
  name: string;
  simulated: boolean;
  role?: Role;
  password?: string | null;
  /** Of the token; random where absent. */
  secret?: string;
}

export interface Annotators {
  /** Adds an annotator and returns the token, which is shown this once. @throws conflict where the id is taken. */
  add(who: NewAnnotator): { annotator: Annotator; token: string };
  list(): Annotator[];
  get(id: string): Annotator | null;
  /** The annotator whose token this is, or null. A token reads `<annotator id>:<secret>`. */
  authenticate(token: string): Promise<Annotator | null>;
  /** The annotator of that id with that password, or null. */
  authenticateByPassword(id: string, password: string): Promise<Annotator | null>;
  /** @throws not-found. */
  setRole(id: string, role: Role): Annotator;
  /** @throws not-found. */
  setPassword(id: string, password: string): Annotator;
  remove(id: string): void;
}

const SECRET_BYTES = 24;
/** Hashed where there is no such account, so that the time of an answer does not tell who has one. */
let decoy: ReturnType<typeof hashSecret> | null = null;

/** The record of a new annotator and their token. @throws bad-option. */
export function newAnnotator(who: NewAnnotator): { annotator: Annotator; token: string } {
  const { id, name, simulated, role = 'annotator', password = null } = who;
  const parsed = AnnotatorId.safeParse(id);
  if (!parsed.success) {
    throw new FourfoldError(
      'bad-option',
      `Expected an annotator id of letters, digits, dot and dash, got ${JSON.stringify(id)}.`,
    );
  }
  const secret = who.secret ?? randomBytes(SECRET_BYTES).toString('base64url');
  const annotator: Annotator = {
    id: parsed.data,
    name,
    simulated,
    role,
    tokenHash: hashSecret(secret),
    ...(password === null ? {} : { passwordHash: hashSecret(password) }),
    createdAt: new Date().toISOString(),
  };
  return { annotator, token: `${annotator.id}:${secret}` };
}

/** Puts the annotator into the index. @throws conflict where the id is taken. */
export function insertAnnotator(data: IndexData, annotator: Annotator): void {
  if (data.annotators.some((found) => found.id === annotator.id)) {
    throw new FourfoldError('conflict', `An annotator ${annotator.id} is there already. Choose another id.`);
  }
  data.annotators.push(annotator);
}

export function annotatorsIn(index: Index): Annotators {
  const get = (id: string) => index.read().annotators.find((annotator) => annotator.id === id) ?? null;
  const change = (id: string, patch: Partial<Annotator>) =>
    index.update((data) => {
      const annotator = data.annotators.find((found) => found.id === id);
      if (annotator === undefined) throw new FourfoldError('not-found', `Expected an annotator's id, got ${id}.`);
      return Object.assign(annotator, patch);
    });
  return {
    add(who) {
      const made = newAnnotator(who);
      index.update((data) => insertAnnotator(data, made.annotator));
      return made;
    },
    list: () => [...index.read().annotators],
    get,
    async authenticate(token) {
      const at = token.indexOf(':');
      const annotator = at < 0 ? null : get(token.slice(0, at));
      if (annotator === null) return null;
      return (await isSecret(token.slice(at + 1), annotator.tokenHash)) ? annotator : null;
    },
    async authenticateByPassword(id, password) {
      const annotator = get(id);
      decoy ??= hashSecret(randomBytes(SECRET_BYTES).toString('base64url'));
      const isRight = await isSecret(password, annotator?.passwordHash ?? decoy);
      return isRight && annotator?.passwordHash !== undefined ? annotator : null;
    },
    setRole: (id, role) => change(id, { role }),
    setPassword: (id, password) => change(id, { passwordHash: hashSecret(password) }),
    remove: (id) =>
      index.update((data) => {
        data.annotators = data.annotators.filter((annotator) => annotator.id !== id);
      }),
  };
}
