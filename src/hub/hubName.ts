// What a user calls a model of the hub: owner/name, or owner/name@revision (a branch, a tag or a commit).
import { FourfoldError } from '../core/errors.ts';

export interface HubName {
  /** 'owner/name' */
  repository: string;
  /** A branch, a tag or a commit. */
  revision: string;
}

export const DEFAULT_REVISION = 'main';
const WORD = '[A-Za-z0-9][A-Za-z0-9._-]*';
const PATTERN = new RegExp(`^(${WORD}/${WORD})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?$`);

/** The parts of a hub name, or null for any other text: an id, a path, something with two slashes or with '..'. */
export function parseHubName(text: string): HubName | null {
  const [, repository, revision = DEFAULT_REVISION] = PATTERN.exec(text) ?? [];
  if (repository === undefined || text.includes('..') || text.includes('//') || repository.includes('--')) return null;
  return { repository, revision };
}

/** @throws bad-option where the text is no hub name. */
export function requireHubName(text: string): HubName {
  const name = parseHubName(text);
  if (name !== null) return name;
  throw new FourfoldError(
    'bad-option',
    `Expected a model of the hub as owner/name or owner/name@revision, got ${JSON.stringify(text)}.`,
  );
}

/** 'owner/name', with '@revision' where it is not the usual one. */
export const hubNameText = ({ repository, revision }: HubName) =>
  revision === DEFAULT_REVISION ? repository : `${repository}@${revision}`;
