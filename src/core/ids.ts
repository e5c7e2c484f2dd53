// Branded identifiers. An id is readable, safe as a file name, and unique in its workspace.
import { createHash } from 'node:crypto';
import { z } from 'zod';

const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const id = z.string().regex(ID_PATTERN, 'expected an id of letters, digits, dot, dash and underscore');

export const PromptId = id.brand<'PromptId'>();
export const CandidateId = id.brand<'CandidateId'>();
export const ItemId = id.brand<'ItemId'>();
export const AnnotatorId = id.brand<'AnnotatorId'>();
export const ArtifactId = id.brand<'ArtifactId'>();
export const RunId = id.brand<'RunId'>();
export const ScheduleId = id.brand<'ScheduleId'>();
export const ProjectId = id.brand<'ProjectId'>();

export type PromptId = z.infer<typeof PromptId>;
export type CandidateId = z.infer<typeof CandidateId>;
export type ItemId = z.infer<typeof ItemId>;
export type AnnotatorId = z.infer<typeof AnnotatorId>;
/** Id of any artefact: tokenizer, model, candidate set, pair set, reward model, evaluation. */
export type ArtifactId = z.infer<typeof ArtifactId>;
export type RunId = z.infer<typeof RunId>;
export type ScheduleId = z.infer<typeof ScheduleId>;
/** Id of a labeling project. */
export type ProjectId = z.infer<typeof ProjectId>;

/** True when the text could be an id; false for paths and other texts. */
export function looksLikeId(text: string): boolean {
  return ID_PATTERN.test(text);
}

/** SHA-256 of the text, in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The first 12 hexadecimal digits of the SHA-256 of the parts, which makes a record's id follow from its content. */
export function contentId(...parts: ReadonlyArray<string | number>): string {
  return sha256(JSON.stringify(parts)).slice(0, 12);
}
