// Labels in and out: the formats that `fourfold labels` and the routes /api/lead/import and /api/lead/export know.
import { z } from 'zod';
import { ArtifactId } from '../ids.ts';

/** `auto` tells by content. `preferences`: prompt, chosen, rejected, as text or conversations. */
export const IMPORT_FORMATS = ['auto', 'jsonl', 'csv', 'preferences', 'argilla', 'label-studio'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/**
 * `jsonl`, `csv`: every judgement with every field, one annotator a line. `trl`, `trl-conversational`: prompt, chosen,
 * rejected, one line a preference that one annotator gave. `demonstrations`: corrections, as a prompt file for `sft`.
 */
export const EXPORT_FORMATS = ['jsonl', 'csv', 'trl', 'trl-conversational', 'demonstrations'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What an import made. */
export const ImportReply = z.strictObject({
  candidateSetId: ArtifactId,
  format: z.enum(IMPORT_FORMATS),
  prompts: z.int(),
  candidates: z.int(),
  items: z.int(),
  judgements: z.int(),
  /** Records that were passed over, with the reason; at most 20 are told. */
  passedOver: z.array(z.strictObject({ record: z.string(), reason: z.string() })),
  passedOverTotal: z.int(),
});
export type ImportReply = z.infer<typeof ImportReply>;

/**
 * POST /api/lead/import?format=auto: the file is the body (application/octet-stream, at most 32 MB) and becomes a new
 * candidate set; the reply is an ImportReply. GET /api/lead/export?format=jsonl gives the file.
 */
export const ImportQuery = z.strictObject({ format: z.enum(IMPORT_FORMATS).default('auto') });
export const ExportQuery = z.strictObject({ format: z.enum(EXPORT_FORMATS) });
