// Options that name an artefact or a path, as runs and schedules keep them: whoever goes on with one may stand in another
// folder, so a path is kept absolute; an id stays an id.
import { existsSync } from 'node:fs';
import { looksLikeId } from '../core/ids.ts';
import type { Workspace } from './workspace.ts';

/** A known id is an id, whatever lies in the folder: as resolveModel has it. */
const MODELS = new Set(['model', 'models', 'reference', 'rewardModel']);
/** What lies in the folder is a file, whatever its name: as resolvePrompts has it. */
const FILES = new Set(['prompts', 'tokenizer']);
/** Paths and nothing else. */
const PATHS = new Set(['texts']);

const each = (value: unknown, change: (text: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((item) => each(item, change));
  return typeof value === 'string' ? change(value) : value;
};

/** The options with every path made absolute by `path`. */
export function withAbsolutePaths(
  workspace: Workspace,
  options: Record<string, unknown>,
  path: (given: string) => string,
): Record<string, unknown> {
  const isPath = (text: string) => !looksLikeId(text) || existsSync(path(text));
  const kept = (key: string, text: string) => {
    if (PATHS.has(key)) return path(text);
    if (FILES.has(key)) return isPath(text) ? path(text) : text;
    return workspace.artifacts.get(text) === null && isPath(text) ? path(text) : text;
  };
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) =>
      MODELS.has(key) || FILES.has(key) || PATHS.has(key)
        ? [key, each(value, (text) => kept(key, text))]
        : [key, value],
    ),
  );
}

/** Whether a given option says what the stored one says: the same value, or the same place as seen from here. */
export function isSameOption(key: string, stored: unknown, given: unknown, path: (given: string) => string): boolean {
  const text = JSON.stringify(stored);
  if (JSON.stringify(given) === text) return true;
  if (!MODELS.has(key) && !FILES.has(key) && !PATHS.has(key)) return false;
  const storedTexts = new Set([stored].flat());
  return JSON.stringify(each(given, (one) => (storedTexts.has(one) ? one : path(one)))) === text;
}
