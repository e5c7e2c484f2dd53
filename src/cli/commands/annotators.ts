// fourfold annotators: who may sign in to the labeling page.
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import type { Annotator } from '../../store/indexFile.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const id = z.string().min(1).describe('Id of the annotator: letters, digits, dot, dash');

/** What may be shown of an annotator: all but the hash of the token. */
const shown = ({ tokenHash: _, ...rest }: Annotator) => rest;

const add = defineCommand({
  name: 'annotators add',
  describe: 'Add an annotator; the sign-in token is shown this once',
  config: z.strictObject({
    id,
    name: z.string().min(1).optional().describe('Name shown on the page; the id where not given'),
    simulated: z.boolean().default(false).describe('A program, not a person; recorded as simulated everywhere'),
  }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { annotators } = await workspace();
    const { annotator, token } = annotators.add({ ...config, name: config.name ?? config.id });
    const path = `/#token=${token}`;
    if (json) return print(JSON.stringify({ annotator: shown(annotator), token, path }));
    print(`Added ${annotator.id}${annotator.simulated ? ' (simulated)' : ''}. Shown this once:`);
    print(`  token         ${token}`);
    print(`  sign-in path  ${path}  (after the address that fourfold serve prints)`);
  },
});

const list = defineCommand({
  name: 'annotators list',
  describe: 'List the annotators',
  config: z.strictObject({}),
  async run({ workspace, json, print, note }) {
    const found = (await workspace()).annotators.list();
    if (json) return print(JSON.stringify(found.map(shown)));
    if (found.length === 0) return note('No annotator yet. Add one: fourfold annotators add ID');
    const rows = found.map((one) => [one.id, one.name, one.simulated ? 'simulated' : 'human', one.createdAt]);
    print(tableText(['id', 'name', 'kind', 'created'], rows));
  },
});

const remove = defineCommand({
  name: 'annotators remove',
  describe: 'Remove an annotator: the token signs in no more; what was judged stays',
  config: z.strictObject({ id }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { annotators } = await workspace();
    if (annotators.get(config.id) === null) {
      const known = annotators.list().map((annotator) => annotator.id);
      throw new FourfoldError(
        'not-found',
        `Expected an annotator's id, got ${config.id}. Known: ${known.length === 0 ? 'none' : known.join(', ')}.`,
      );
    }
    annotators.remove(config.id);
    print(json ? JSON.stringify({ removed: config.id }) : `Removed ${config.id}.`);
  },
});

export const commands = [add, list, remove];
