// Options that nothing would read are errors, not silence.
import { FourfoldError } from '../core/errors.ts';
import { kebab } from './options.ts';

export interface Unread {
  /** Why they are not read: '--greedy', 'ppo without --kl-target'. */
  because: string;
  /** The options, each with the value that says no more than leaving it out. */
  options: Readonly<Record<string, unknown>>;
}

/** @throws bad-option for an option that was given, says something, and would not be read. */
export function refuseUnread(
  config: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
  { because, options }: Unread,
): void {
  const unread = Object.entries(options).find(([key, silent]) => given.has(key) && config[key] !== silent);
  if (unread === undefined) return;
  throw new FourfoldError('bad-option', `${because} does not read --${kebab(unread[0])}. Leave it out.`);
}

/** What greedy decoding does not read. */
export const GREEDY_READS_NONE_OF = { temperature: 0, topK: 0, topP: 1 };
