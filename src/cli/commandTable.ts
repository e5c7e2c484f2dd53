// Every command by its first word. A file is imported only when argv names it, so that --help stays quick.
// To add one: write src/cli/commands/NAME.ts (see command.ts), then its line here, in the order of the work.
import type { CommandModule } from './command.ts';

export interface TableEntry {
  name: string;
  describe: string;
  load(): Promise<CommandModule>;
}

export const COMMAND_TABLE: ReadonlyArray<TableEntry> = [
  { name: 'prompts', describe: 'Import and list prompts', load: () => import('./commands/prompts.ts') },
  {
    name: 'annotators',
    describe: 'Add, list and remove those who rate',
    load: () => import('./commands/annotators.ts'),
  },
  {
    name: 'schedule',
    describe: 'Add, list and remove scheduled evaluations',
    load: () => import('./commands/schedule.ts'),
  },
  { name: 'models', describe: 'List, import and export models', load: () => import('./commands/models.ts') },
  {
    name: 'lineage',
    describe: 'Walk from an artefact back to everything that made it',
    load: () => import('./commands/lineage.ts'),
  },
  {
    name: 'engine',
    describe: 'List the numeric back ends that start here',
    load: () => import('./commands/engine.ts'),
  },
];
