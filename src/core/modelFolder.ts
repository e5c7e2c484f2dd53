// What a card keeps of models that came from outside the workspace: of one that was named by folder and is no artefact,
// under `modelFolders` of its configuration; of one of the hub, under `hub`.
import { z } from 'zod';

/** The folder's absolute path and the SHA-256 of its model.safetensors. */
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
});
export type HubOrigin = z.infer<typeof HubOrigin>;
