// Options that nothing would read are errors, not silence.
import { FourfoldError } from '../core/errors.ts';
import { LORA_NEEDS_RANK } from '../training/loraConfig.ts';
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

/** Options of adapters without a rank. @throws as refuseUnread. */
export function refuseLoraUnread(
  config: Readonly<Record<string, unknown>> & { loraRank?: number | undefined },
  given: ReadonlySet<string>,
): void {
  if (config.loraRank !== undefined) return;
  refuseUnread(config, given, { because: 'training without --lora-rank', options: LORA_NEEDS_RANK });
}

/** What greedy decoding does not read. */
export const GREEDY_READS_NONE_OF = { temperature: 0, topK: 0, topP: 1 };
