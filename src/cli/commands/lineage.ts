import { z } from 'zod';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'lineage',
  describe: 'Walk from an artefact back to everything that made it',
  config: z.strictObject({ id: z.string().min(1).describe('Id of an artefact') }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { artifacts } = await workspace();
    const found = artifacts.lineage(config.id);
    print(json ? JSON.stringify(found) : found.map((a) => a.id).join('\n'));
  },
});
