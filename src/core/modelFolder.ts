// What a card keeps of models that came from outside the workspace: of one that was named by folder and is no artefact,
// under `modelFolders` of its configuration; of one of the hub, under `hub`.
import { z } from 'zod';
import { sha256 } from './ids.ts';

/** The folder's absolute path and the hash of its weights. */
export const ModelFolder = z.strictObject({ folder: z.string(), sha256: z.string() });
export type ModelFolder = z.infer<typeof ModelFolder>;

/** What a card keeps, under `hub` of its configuration, of a model that came from the hub. */
export const HubOrigin = z.strictObject({
  /** 'owner/name' */
  repository: z.string(),
  /** The branch, tag or commit that was asked for. */
  revision: z.string(),
  /** What it stood for then. */
  commit: z.string(),
  endpoint: z.string(),
  /** As the repository's card has it, or null. */
  license: z.string().nullable().default(null),
});
export type HubOrigin = z.infer<typeof HubOrigin>;

/**
 * One hash for the weights of a model: the SHA-256 of its safetensors file, or of names and hashes where there are several;
 * null where there is none.
 * @param files SHA-256 by file name
 */
export function weightsHash(files: Readonly<Record<string, string>>): string | null {
  const weights = Object.entries(files).filter(([name]) => name.endsWith('.safetensors'));
  const [only, ...others] = weights;
  if (only === undefined) return null;
  return others.length === 0 ? only[1] : sha256(JSON.stringify(weights.sort(([a], [b]) => (a < b ? -1 : 1))));
}
