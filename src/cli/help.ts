// Help texts (through yargs) and shell completion. Loaded only when one of them is asked for.
import yargs, { type Argv, type Options } from 'yargs';
import type { Command } from './command.ts';
import type { TableEntry } from './commandTable.ts';
import { type OptionSpec, optionSpecsOf } from './options.ts';

const GLOBAL_OPTIONS: Record<string, Options> = {
  workspace: { describe: 'Folder of the workspace (FOURFOLD_WORKSPACE)', defaultDescription: 'data/workspace' },
  config: { describe: 'JSON file of options' },
  set: { describe: 'One option as key=value, a.b=value where nested; may be repeated' },
  json: { describe: 'Results as JSON', type: 'boolean' },
  quiet: { describe: 'No progress and no notes', type: 'boolean' },
};

const KIND_TEXT: Record<OptionSpec['kind'], string> = {
  number: 'number',
  integer: 'whole number',
  boolean: '',
  string: 'text',
  array: 'list: a,b or repeated',
  json: 'text or JSON',
  object: 'through --set or --config',
};

const WIDTH = 100;

function yargsFor(argv: ReadonlyArray<string>, columns: number | undefined): Argv {
  return yargs([...argv])
    .scriptName('fourfold')
    .locale('en')
    .wrap(Math.min(columns ?? WIDTH, WIDTH))
    .exitProcess(false)
    .help(false)
    .version(false)
    .parserConfiguration({ 'boolean-negation': true, 'camel-case-expansion': false, 'dot-notation': false });
}

function yargsOption(spec: OptionSpec): Options {
  const kind = spec.choices === null ? KIND_TEXT[spec.kind] : '';
  const defaultText =
    spec.defaultValue === undefined || spec.defaultValue === null ? undefined : JSON.stringify(spec.defaultValue);
  return {
    describe: kind === '' ? spec.describe : `${spec.describe} (${kind})`,
    group: 'Its own:',
    demandOption: spec.isRequired,
    ...(spec.kind === 'boolean' ? { type: 'boolean' } : {}),
    ...(spec.choices === null ? {} : { choices: spec.choices }),
    ...(defaultText === undefined ? {} : { defaultDescription: defaultText }),
  };
}

function withOptions(parser: Argv, command: Command | null): Argv {
  for (const spec of command === null ? [] : optionSpecsOf(command.schema)) parser.option(spec.flag, yargsOption(spec));
  for (const [name, option] of Object.entries(GLOBAL_OPTIONS)) parser.option(name, { ...option, group: 'Everywhere:' });
  return parser;
}

/** Help of the whole program; loads no command. */
export function programHelp(table: ReadonlyArray<TableEntry>, columns?: number): Promise<string> {
  const parser = withOptions(yargsFor([], columns), null).usage(
    'fourfold <command> [options]\n\nRLHF in four phases: respond, rate, reward, reinforce.',
  );
  for (const entry of table) parser.command(entry.name, entry.describe);
  return parser.epilogue('fourfold <command> --help shows a command. Start with: fourfold demo').getHelp();
}

/** Help of a group: its subcommands. */
export function groupHelp(name: string, commands: ReadonlyArray<Command>, columns?: number): Promise<string> {
  const parser = withOptions(yargsFor([], columns), null).usage(`fourfold ${name} <command> [options]`);
  for (const command of commands) parser.command(command.name, command.describe);
  return parser.getHelp();
}

/** Help of one command. */
export function commandHelp(command: Command, columns?: number): Promise<string> {
  const form = command.positionals.map((key) => ` <${key}>`).join('');
  const parser = withOptions(yargsFor([], columns), command).usage(
    `fourfold ${command.name}${form} [options]\n\n${command.describe}`,
  );
  return (command.example === null ? parser : parser.epilogue(`Example: ${command.example}`)).getHelp();
}

/** The script for bash, and for zsh after bashcompinit: source <(fourfold completion) */
export const COMPLETION_SCRIPT = `_fourfold_completions() {
  local IFS=$'\\n'
  COMPREPLY=($(fourfold --get-completions "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _fourfold_completions fourfold`;

/** What could come next after these words, the last of which may be half typed. */
export async function completionsOf(
  words: ReadonlyArray<string>,
  table: ReadonlyArray<TableEntry>,
  commands: ReadonlyArray<Command> | null,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const typed = words.filter((word) => !word.startsWith('-'));
  const command = commands?.find((found) => typed.join(' ').startsWith(found.name)) ?? null;
  const flags = Object.keys(GLOBAL_OPTIONS).map((name) => `--${name}`);
  const own = command === null ? [] : optionSpecsOf(command.schema).map((spec) => `--${spec.flag}`);
  const names =
    commands === null ? table.map((entry) => entry.name) : commands.flatMap((found) => found.name.split(' ')[1] ?? []);
  const candidates = current.startsWith('-') ? [...own, ...flags] : command === null ? names : [];
  return candidates.filter((candidate) => candidate.startsWith(current));
}
