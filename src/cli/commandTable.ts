// Every command by its first word. A file is imported only when argv names it, so that --help stays quick.
// To add one: write src/cli/commands/NAME.ts (see command.ts), then its line here, in the order of the work.
import type { CommandModule } from './command.ts';

export interface TableEntry {
  name: string;
  describe: string;
  load(): Promise<CommandModule>;
}

export const COMMAND_TABLE: ReadonlyArray<TableEntry> = [
  {
    name: 'lineage',
    describe: 'Walk from an artefact back to everything that made it',
    load: () => import('./commands/lineage.ts'),
  },
];
