// What a command is. One file in commands/ is one command (or one group: `models list`, `models import`, ...);
// the frame turns its schema into flags, resolves the configuration and calls `run`.
//
// To add a command:
//   1. write its schema next to the code it configures: a z.strictObject, camelCase keys, each with .describe();
//      import nothing heavier than zod and core at the top of the schema's file and of the command's file;
//   2. write src/cli/commands/NAME.ts with `export const command = defineCommand({...})`,
//      or `export const commands = [defineCommand({ name: 'GROUP one', ... }), ...]` for a group;
//   3. add its line to commandTable.ts.
import type { z } from 'zod';
import type { Progress } from '../core/progress.ts';
import type { Workspace } from '../store/workspace.ts';
import { type JsonSchema, jsonSchemaOf } from './jsonSchema.ts';
import { GLOBAL_FLAGS, kebab } from './options.ts';
import { parseConfig } from './resolveConfig.ts';

/** What the frame gives every command. */
export interface CommandContext {
  /** Opens --workspace, making its folder where there is none. */
  workspace(): Promise<Workspace>;
  /** Absolute path of --workspace; nothing is opened. */
  workspaceDir: string;
  /** Absolute path of a path that the user gave, relative to where the command was started. */
  path(given: string): string;
  /** True with --json: results as JSON on standard output. */
  json: boolean;
  /** True with --quiet: no progress, no notes. */
  quiet: boolean;
  /** Draws to standard error. */
  progress: Progress;
  /** Aborted by the first Ctrl-C. A command that ends because of it throws FourfoldError('interrupted'). */
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
  /** Standard input. */
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  /** Text to standard output as it is, for what comes in pieces. */
  write(text: string): void;
  /** One line of result to standard output. */
  print(line: string): void;
  /** One line of news to standard error; silent with --quiet. */
  note(line: string): void;
}

export interface CommandDefinition<S extends z.ZodObject> {
  /** 'judge', or 'models import' for a subcommand of a group. */
  name: string;
  describe: string;
  config: S;
  /** Config keys that are positional, in order; an array key may be the last one and takes the rest. */
  positionals?: ReadonlyArray<keyof z.input<S> & string>;
  /**
   * Config keys whose value, or whose items, name a model (or a tokenizer) by id, folder or hub name: the frame fetches
   * those of the hub, and `run` gets the id of what was imported.
   */
  hubNames?: Partial<Record<keyof z.input<S> & string, 'model' | 'tokenizer'>>;
  /** True for long work: the resolved configuration goes to standard error before it starts. */
  printsConfig?: boolean;
  /** A whole command line that works, shown by --help. */
  example?: string;
  /**
   * Refuses options that were given and that, with the others as they are, nothing would read.
   * @param given keys that the user gave, as against defaults and what a resumed run brings
   * @throws bad-option
   */
  check?(config: z.output<S>, given: ReadonlySet<string>): void;
  /** What Ctrl-C says, where it is not the usual note. */
  stopNote?: string;
  run(context: CommandContext & { config: z.output<S> }): Promise<void>;
}

/** A command as the frame sees it, whatever its schema. */
export interface Command {
  readonly name: string;
  readonly describe: string;
  readonly positionals: ReadonlyArray<string>;
  readonly hubNames: Readonly<Record<string, 'model' | 'tokenizer' | undefined>>;
  readonly printsConfig: boolean;
  readonly stopNote: string;
  readonly example: string | null;
  readonly schema: JsonSchema;
  /**
   * Checks the values and fills in defaults. `given`: keys of those that the user gave; all where absent.
   * @throws bad-option
   */
  prepare(
    values: Record<string, unknown>,
    given?: ReadonlySet<string>,
  ): {
    config: Record<string, unknown>;
    run(context: CommandContext): Promise<void>;
  };
}

/** What a file in commands/ exports. */
export type CommandModule = { command: Command } | { commands: ReadonlyArray<Command> };

const AGAIN = 'press Ctrl-C again to quit at once';

/** How a user writes a key: a flag, or the word in its place. */
const nameIn = (positionals: ReadonlyArray<string>) => (key: string) =>
  positionals.includes(key) ? kebab(key).toUpperCase() : `--${kebab(key)}`;

/** Makes a command. @throws Error where a config key hides an option that every command has. */
export function defineCommand<S extends z.ZodObject>(definition: CommandDefinition<S>): Command {
  const schema = jsonSchemaOf(definition.config);
  const taken = Object.keys(schema.properties ?? {}).find((key) => GLOBAL_FLAGS.some((flag) => flag === kebab(key)));
  if (taken !== undefined) throw new Error(`${definition.name}: the key ${taken} hides the option --${kebab(taken)}.`);
  const printsConfig = definition.printsConfig ?? false;
  const usualNote = printsConfig ? 'stopping: finishing the step and writing a checkpoint' : 'stopping';
  return {
    name: definition.name,
    describe: definition.describe,
    positionals: definition.positionals ?? [],
    hubNames: { ...definition.hubNames },
    printsConfig,
    stopNote: definition.stopNote ?? `${usualNote}; ${AGAIN}`,
    schema,
    example: definition.example ?? null,
    prepare(values, given = new Set(Object.keys(values))) {
      const config = parseConfig(definition.config, values, { nameOf: nameIn(definition.positionals ?? []) });
      definition.check?.(config, given);
      return { config, run: (context) => definition.run({ ...context, config }) };
    },
  };
}
