// Every command by its first word. A file is imported only when argv names it, so that --help stays quick.
// To add one: write src/cli/commands/NAME.ts (see command.ts), then its line here, in the order of the work.
import type { CommandModule } from './command.ts';

export interface TableEntry {
  name: string;
  describe: string;
  load(): Promise<CommandModule>;
}

export const COMMAND_TABLE: ReadonlyArray<TableEntry> = [
  { name: 'demo', describe: 'Run the whole job on the bundled data', load: () => import('./commands/demo.ts') },
  { name: 'prompts', describe: 'Import and list prompts', load: () => import('./commands/prompts.ts') },
  { name: 'tokenizer', describe: 'Train a tokenizer', load: () => import('./commands/tokenizer.ts') },
  { name: 'pretrain', describe: 'Train a base model on plain text', load: () => import('./commands/pretrain.ts') },
  { name: 'sft', describe: 'Phase 1: teach a model the demonstrations', load: () => import('./commands/sft.ts') },
  {
    name: 'candidates',
    describe: 'Phase 1: sample replies from several model versions',
    load: () => import('./commands/candidates.ts'),
  },
  {
    name: 'annotators',
    describe: 'Phase 2: add, invite, list and remove those who rate',
    load: () => import('./commands/annotators.ts'),
  },
  {
    name: 'project',
    describe: 'Phase 2: say what annotators are asked',
    load: () => import('./commands/project.ts'),
  },
  {
    name: 'serve',
    describe: 'Phase 2: start the labeling page; or serve a model as OpenAI does',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'labels',
    describe: 'Phase 2: bring labels in and out in other tools’ forms',
    load: () => import('./commands/labels.ts'),
  },
  { name: 'judge', describe: 'Phase 2: score candidates with a judge', load: () => import('./commands/judge.ts') },
  {
    name: 'agreement',
    describe: 'Tell how far raters agree, from a file of ratings',
    load: () => import('./commands/agreement.ts'),
  },
  {
    name: 'pairs',
    describe: 'Phase 3: merge ratings into chosen and rejected',
    load: () => import('./commands/pairs.ts'),
  },
  { name: 'reward', describe: 'Phase 3: train a reward model', load: () => import('./commands/reward.ts') },
  {
    name: 'ppo',
    describe: 'Phase 4: train a policy against the reward model',
    load: () => import('./commands/ppo.ts'),
  },
  {
    name: 'evaluate',
    describe: 'Compare a model with a reference on held-out prompts',
    load: () => import('./commands/evaluate.ts'),
  },
  {
    name: 'schedule',
    describe: 'Add, list, remove and run scheduled evaluations',
    load: () => import('./commands/schedule.ts'),
  },
  { name: 'report', describe: 'Write the report of a workspace', load: () => import('./commands/report.ts') },
  { name: 'generate', describe: 'Continue a prompt', load: () => import('./commands/generate.ts') },
  { name: 'chat', describe: 'Talk with a model in the terminal', load: () => import('./commands/chat.ts') },
  { name: 'score', describe: 'Score texts with a model or reward model', load: () => import('./commands/score.ts') },
  {
    name: 'models',
    describe: 'List, import, export, pull and push models',
    load: () => import('./commands/models.ts'),
  },
  {
    name: 'lineage',
    describe: 'Walk from an artefact back to everything that made it',
    load: () => import('./commands/lineage.ts'),
  },
  {
    name: 'engine',
    describe: 'List, install, check and measure numeric back ends',
    load: () => import('./commands/engine.ts'),
  },
];
