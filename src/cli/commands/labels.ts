// fourfold labels: labels in and out, in the forms of other tools.
import { z } from 'zod';
import { EXPORT_FORMATS, IMPORT_FORMATS } from '../../core/annotation/exchange.ts';
import { defineCommand } from '../command.ts';

const importFile = defineCommand({
  name: 'labels import',
  describe: 'Make a candidate set, with its judgements, of a file of replies or labels',
  config: z.strictObject({
    file: z.string().min(1).describe('JSON, JSON Lines or CSV file'),
    format: z
      .enum(IMPORT_FORMATS)
      .default('auto')
      .describe(`Form of the file: ${IMPORT_FORMATS.join(', ')}`),
    annotator: z.string().min(1).default('dataset').describe('Who is put down for preferences that name nobody'),
  }),
  positionals: ['file'],
  example: 'fourfold labels import preferences.jsonl',
  async run({ config, workspace, path, json, print, note }) {
    const [{ importLabels }, { readTextFile }, { dirname }] = await Promise.all([
      import('../../labels/importLabels.ts'),
      import('../../core/jsonl.ts'),
      import('node:path'),
    ]);
    const file = path(config.file);
    const made = await importLabels({
      workspace: await workspace(),
      text: await readTextFile(file),
      name: config.file,
      format: config.format,
      annotator: config.annotator,
      folder: dirname(file),
    });
    if (json) return print(JSON.stringify(made));
    const { candidateSetId, format, prompts, candidates, items, judgements } = made;
    print(
      `${candidateSetId} (${format}): ${prompts} prompts, ${candidates} replies, ${items} items, ${judgements} judgements`,
    );
    for (const { record, reason } of made.passedOver) note(`${record}: ${reason}`);
    const more = made.passedOverTotal - made.passedOver.length;
    if (more > 0) note(`and ${more} more that were passed over`);
  },
});

const exportFile = defineCommand({
  name: 'labels export',
  describe: 'Write the labels of a candidate set, each annotator apart',
  config: z.strictObject({
    candidateSet: z.string().min(1).nullable().default(null).describe('Candidate set (default: the newest)'),
    format: z
      .enum(EXPORT_FORMATS)
      .default('jsonl')
      .describe(`Form: ${EXPORT_FORMATS.join(', ')}`),
    output: z.string().min(1).optional().describe('File to write; standard output where not given'),
  }),
  example: 'fourfold labels export --format trl-conversational --output preferences.jsonl',
  async run({ config, workspace: open, path, print, note }) {
    const [{ exportLabels }, { chooseCandidateSet }, { asStorageError }] = await Promise.all([
      import('../../labels/exportLabels.ts'),
      import('../../../annotate-ui/server/labeling/labelingSet.ts'),
      import('../../core/errors.ts'),
    ]);
    const workspace = await open();
    const id = chooseCandidateSet(workspace, config.candidateSet);
    const text = await exportLabels(workspace, id, config.format);
    if (config.output === undefined) return print(text.trimEnd());
    const file = path(config.output);
    try {
      const { writeFile } = await import('node:fs/promises');
      await writeFile(file, text);
    } catch (error) {
      throw asStorageError(error, file, 'write', 'choose another --output');
    }
    note(`${id}: labels written to ${config.output}`);
  },
});

export const commands = [importFile, exportFile];
