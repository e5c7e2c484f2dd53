// fourfold annotators: who may sign in to the labeling page.
import { z } from 'zod';
import { ROLES } from '../../core/annotation/people.ts';
import { FourfoldError } from '../../core/errors.ts';
import type { Annotator } from '../../store/indexFile.ts';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const COMMAND_LINE = 'command line';

/** A line of the audit log. */
const entry = (action: string, subject: string, details: Record<string, unknown>) => ({
  at: new Date().toISOString(),
  who: COMMAND_LINE,
  action,
  subject,
  details,
  address: null,
});

const id = z.string().min(1).describe('Id of the annotator: letters, digits, dot, dash');

/** What may be shown of an annotator: all but the hash of the token. */
const shown = ({ tokenHash: _, passwordHash: __, ...rest }: Annotator) => rest;

const role = z.enum(ROLES).default('annotator');

const add = defineCommand({
  name: 'annotators add',
  describe: 'Add an annotator; the sign-in token is shown this once',
  config: z.strictObject({
    id,
    name: z.string().min(1).optional().describe('Name shown on the page; the id where not given'),
    role: role.describe('annotator, lead (sees progress and agreement) or admin (people and audit log too)'),
    simulated: z.boolean().default(false).describe('A program, not a person; recorded as simulated everywhere'),
  }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { annotators, audit } = await workspace();
    const { annotator, token } = annotators.add({ ...config, name: config.name ?? config.id });
    await audit.append([entry('person.add', annotator.id, { role: annotator.role })]);
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
    const rows = found.map((one) => [one.id, one.name, one.simulated ? 'simulated' : 'human', one.role, one.createdAt]);
    print(tableText(['id', 'name', 'kind', 'role', 'created'], rows));
  },
});

const remove = defineCommand({
  name: 'annotators remove',
  describe: 'Remove an annotator: the token signs in no more; what was judged stays',
  config: z.strictObject({ id }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    const { annotators, audit } = await workspace();
    if (annotators.get(config.id) === null) {
      const known = annotators.list().map((annotator) => annotator.id);
      throw new FourfoldError(
        'not-found',
        `Expected an annotator's id, got ${config.id}. Known: ${known.length === 0 ? 'none' : known.join(', ')}.`,
      );
    }
    annotators.remove(config.id);
    await audit.append([entry('person.remove', config.id, {})]);
    print(json ? JSON.stringify({ removed: config.id }) : `Removed ${config.id}.`);
  },
});

const invite = defineCommand({
  name: 'annotators invite',
  describe: 'Make a link by which one person makes an account; it is shown this once',
  config: z.strictObject({
    role: role.describe('What the person may do: annotator, lead or admin'),
    note: z.string().default('').describe('For whom it is meant; a note only'),
    hours: z.number().gt(0).default(72).describe('Hours until it lapses'),
  }),
  example: 'fourfold annotators invite --note Ada --hours 24',
  async run({ config, workspace, json, print }) {
    const { invitations, audit } = await workspace();
    const { invitation, code } = invitations.make({ ...config, createdBy: COMMAND_LINE });
    await audit.append([entry('invitation.make', invitation.id, { role: invitation.role })]);
    const path = `/#invite=${code}`;
    const { secretSha256: _, ...card } = invitation;
    if (json) return print(JSON.stringify({ invitation: card, path }));
    print(`Invitation for one ${invitation.role}, until ${invitation.expiresAt}. Shown this once:`);
    print(`  path  ${path}  (after the address that fourfold serve prints)`);
  },
});

export const commands = [add, invite, list, remove];
