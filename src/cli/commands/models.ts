// fourfold models: model folders (config.json, model.safetensors, tokenizer) in and out of the workspace.
import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const list = defineCommand({
  name: 'models list',
  describe: 'List the models and reward models of the workspace',
  config: z.strictObject({}),
  async run({ workspace, json, print, note }) {
    const all = (await workspace()).artifacts.all();
    const found = all.filter((artifact) => artifact.kind === 'model' || artifact.kind === 'reward-model');
    if (json) return print(JSON.stringify(found));
    if (found.length === 0) return note('No model yet. Train one with fourfold demo, or: fourfold models import DIR');
    const rows = found.map((artifact) => [
      artifact.id,
      artifact.kind === 'model' ? artifact.role : 'reward',
      String(artifact.round),
      artifact.parents.join(', '),
      artifact.createdAt,
    ]);
    print(tableText(['id', 'role', 'round', 'made from', 'created'], rows));
  },
});

const importDir = defineCommand({
  name: 'models import',
  describe: 'Import a model folder in Hugging Face form',
  config: z.strictObject({
    dir: z.string().min(1).describe('Folder with config.json, model.safetensors and tokenizer files'),
  }),
  positionals: ['dir'],
  async run({ config, workspace, path, json, print, note }) {
    const { importModel } = await import('../modelFolders.ts');
    const { artifact, hasTokenizer } = await importModel((await workspace()).artifacts, path(config.dir));
    if (!hasTokenizer) note('The folder has no tokenizer.json: this model takes token ids only.');
    print(json ? JSON.stringify(artifact) : `${artifact.id}: ${Object.keys(artifact.files).join(', ')}`);
  },
});

const exportDir = defineCommand({
  name: 'models export',
  describe: 'Copy a model or reward model to a new folder',
  config: z.strictObject({
    id: z.string().min(1).describe('Id of a model or reward model'),
    dir: z.string().min(1).describe('New or empty folder'),
  }),
  positionals: ['id', 'dir'],
  async run({ config, workspace, path, json, print }) {
    const { exportModel } = await import('../modelFolders.ts');
    const dir = path(config.dir);
    const files = await exportModel((await workspace()).artifacts, config.id, dir);
    print(json ? JSON.stringify({ id: config.id, dir, files }) : `${config.id} → ${dir}: ${files.join(', ')}`);
  },
});

export const commands = [list, importDir, exportDir];
