// What a card keeps, under `modelFolders` of its configuration, of a model that was named by folder and is no artefact.
import { z } from 'zod';

/** The folder's absolute path and the SHA-256 of its model.safetensors. */
export const ModelFolder = z.strictObject({ folder: z.string(), sha256: z.string() });
export type ModelFolder = z.infer<typeof ModelFolder>;
