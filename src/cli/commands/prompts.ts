// fourfold prompts: files of prompts in and out of the workspace.
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import { readTextFile, toJsonl } from '../../core/jsonl.ts';
import { parsePrompts, promptLineOf } from '../../core/prompts.ts';
import { SPLITS } from '../../core/records.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const importPrompts = defineCommand({
  name: 'prompts import',
  describe: 'Import prompts from a JSON Lines file',
  config: z.strictObject({
    file: z.string().min(1).describe('File of lines {"id", "prompt" or "messages", "split", "dimension", ...}'),
  }),
  positionals: ['file'],
  async run({ config, workspace, path, json, print }) {
    const file = path(config.file);
    const prompts = parsePrompts(await readTextFile(file), config.file);
    if (prompts.length === 0) {
      throw new FourfoldError('bad-input', `${config.file}: expected at least one prompt, got none. Add a line.`);
    }
    const counts = Object.fromEntries(
      SPLITS.map((split) => [split, prompts.filter((prompt) => prompt.split === split).length]),
    );
    const { artifacts } = await workspace();
    const { writeFile } = await import('node:fs/promises');
    const { join } = await import('node:path');
    const artifact = await artifacts.create<'prompt-set'>(
      {
        kind: 'prompt-set',
        parents: [],
        seed: 0,
        config: { file },
        engine: null,
        round: 1,
        runId: null,
        metrics: { prompts: prompts.length, ...counts },
      },
      (dir) => writeFile(join(dir, 'prompts.jsonl'), toJsonl(prompts.map(promptLineOf))),
    );
    const text = Object.entries(counts).map(([split, count]) => `${count} ${split}`);
    print(json ? JSON.stringify(artifact) : `${artifact.id}: ${prompts.length} prompts (${text.join(', ')})`);
  },
});

const listPrompts = defineCommand({
  name: 'prompts list',
  describe: 'List the prompt sets of the workspace',
  config: z.strictObject({}),
  async run({ workspace, json, print, note }) {
    const found = (await workspace()).artifacts.list('prompt-set');
    if (json) return print(JSON.stringify(found));
    if (found.length === 0) return note('No prompt set yet. Import one: fourfold prompts import FILE.jsonl');
    const figure = (value: number | undefined) => String(value ?? '');
    const rows = found.map(({ id, metrics, createdAt }) => [
      id,
      figure(metrics.prompts),
      ...SPLITS.map((split) => figure(metrics[split])),
      createdAt,
    ]);
    print(tableText(['id', 'prompts', ...SPLITS, 'created'], rows));
  },
});

export const commands = [importPrompts, listPrompts];
