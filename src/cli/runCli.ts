// One command line from words to exit status. Takes its surroundings as arguments, so that tests run it in process.
import { resolve } from 'node:path';
import { asStorageError, FourfoldError, messageOf, systemCodeOf } from '../core/errors.ts';
import type { Command, CommandContext } from './command.ts';
import { COMMAND_TABLE, type TableEntry } from './commandTable.ts';
import { didYouMean } from './nearest.ts';
import { type GlobalOptions, parseCommandLine, parseGlobals } from './parseArguments.ts';
import type { TextStream } from './progressBar.ts';

/** Where Ctrl-C comes from and how the process is left at the second one. */
export interface Interrupts {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(status: number): void;
}

export interface Surroundings {
  stdout: TextStream;
  stderr: TextStream;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** The process's own where not given. */
  stdin?: NodeJS.ReadableStream & { isTTY?: boolean };
  /** The process itself where not given. */
  interrupts?: Interrupts;
  /** The bundled commands where not given. */
  table?: ReadonlyArray<TableEntry>;
}

const INTERRUPTED_STATUS = 130;

/** Runs the command that argv (without node and script) names. @returns the exit status; never throws. */
export async function runCli(argv: ReadonlyArray<string>, io: Surroundings): Promise<number> {
  const table = io.table ?? COMMAND_TABLE;
  let json = argv.includes('--json');
  try {
    if (argv[0] === '--get-completions') return await printCompletions(argv.slice(1), table, io);
    const { words, globals } = parseGlobals(argv);
    json = globals.json;
    if (globals.version && words.length === 0) return await printVersion(io);
    const [name] = words;
    if (name === undefined) return await printProgramHelp(globals, argv, table, io);
    if (name === 'completion') {
      io.stdout.write(`${(await import('./help.ts')).COMPLETION_SCRIPT}\n`);
      return 0;
    }
    const entry = table.find((found) => found.name === name);
    if (entry === undefined) throw unknownCommand(name, table);
    const commands = await commandsOf(entry);
    const command = commands.find((found) => found.name === words.slice(0, found.name.split(' ').length).join(' '));
    if (command === undefined) return await printGroupHelp(entry, commands, words, globals, io);
    if (globals.help) {
      const { commandHelp } = await import('./help.ts');
      io.stdout.write(`${await commandHelp(command, io.stdout.columns)}\n`);
      return 0;
    }
    return await runCommand(command, argv, io);
  } catch (error) {
    return reportError(error, { io, json });
  }
}

async function commandsOf(entry: TableEntry): Promise<ReadonlyArray<Command>> {
  const module = await entry.load();
  return 'command' in module ? [module.command] : module.commands;
}

function unknownCommand(name: string, table: ReadonlyArray<TableEntry>): FourfoldError {
  const hint = didYouMean(
    name,
    table.map((entry) => entry.name),
  );
  return new FourfoldError('bad-option', `Unknown command ${name}.${hint} See: fourfold --help.`);
}

async function printVersion(io: Surroundings): Promise<number> {
  const [{ packagePath }, { readTextFile, parseJson }] = await Promise.all([
    import('../core/packageRoot.ts'),
    import('../core/jsonl.ts'),
  ]);
  const path = packagePath('package.json');
  const manifest = parseJson(await readTextFile(path), path);
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  io.stdout.write(`${version}\n`);
  return 0;
}

async function printProgramHelp(
  globals: GlobalOptions,
  argv: ReadonlyArray<string>,
  table: ReadonlyArray<TableEntry>,
  io: Surroundings,
): Promise<number> {
  const { programHelp } = await import('./help.ts');
  const stream = globals.help ? io.stdout : io.stderr;
  stream.write(`${await programHelp(table, stream.columns)}\n`);
  if (globals.help) return 0;
  const got = argv.length === 0 ? '' : `, got only options: ${argv.join(' ')}`;
  throw new FourfoldError('bad-option', `Expected a command${got}.`);
}

async function printGroupHelp(
  entry: TableEntry,
  commands: ReadonlyArray<Command>,
  words: string[],
  globals: GlobalOptions,
  io: Surroundings,
): Promise<number> {
  const names = commands.map((command) => command.name);
  if (globals.help) {
    const { groupHelp } = await import('./help.ts');
    io.stdout.write(`${await groupHelp(entry.name, commands, io.stdout.columns)}\n`);
    return 0;
  }
  const given = words.slice(0, 2).join(' ');
  const hint = words.length < 2 ? '' : didYouMean(given, names);
  throw new FourfoldError('bad-option', `Expected one of: ${names.join(', ')}; got ${given}.${hint}`);
}

async function printCompletions(
  words: ReadonlyArray<string>,
  table: ReadonlyArray<TableEntry>,
  io: Surroundings,
): Promise<number> {
  const { completionsOf } = await import('./help.ts');
  const entry = words.length < 2 ? undefined : table.find((found) => found.name === words[0]);
  const found = await completionsOf(words, table, entry === undefined ? null : await commandsOf(entry));
  if (found.length > 0) io.stdout.write(`${found.join('\n')}\n`);
  return 0;
}

async function runCommand(command: Command, argv: ReadonlyArray<string>, io: Surroundings): Promise<number> {
  const [{ mergeLayers }, { progressOn }, { withResumedRun }, { withHubModels }] = await Promise.all([
    import('./resolveConfig.ts'),
    import('./progressBar.ts'),
    import('./resume.ts'),
    import('./hubModels.ts'),
  ]);
  const { flags, globals } = parseCommandLine(command, argv);
  const path = (given: string) => resolve(io.cwd, given);
  const file = globals.config === null ? null : path(globals.config);
  const workspaceDir = path(globals.workspace ?? io.env.FOURFOLD_WORKSPACE ?? 'data/workspace');
  const layers = await mergeLayers(command.schema, { file, settings: globals.set, flags });
  const progress = progressOn({ stream: io.stderr, quiet: globals.quiet });
  const note = (line: string) => progress.note(line);
  const { signal, stopListening } = listenForInterrupts(io, () =>
    progress.line(() => void io.stderr.write(`\n${command.stopNote}\n`), true),
  );
  const context: CommandContext = {
    workspace: async () => (await import('../store/workspace.ts')).openWorkspace(workspaceDir),
    workspaceDir,
    path,
    json: globals.json,
    quiet: globals.quiet,
    progress,
    signal,
    env: io.env,
    // Only a command that reads it touches the process's own.
    get input() {
      return io.stdin ?? process.stdin;
    },
    write: (text) => void io.stdout.write(text),
    print: (line) => progress.line(() => void io.stdout.write(`${line}\n`), io.stdout.isTTY === true),
    note,
  };
  try {
    const given = await withHubModels(layers, command, context);
    const values = await withResumedRun(given, { command: command.name, workspaceDir, path });
    const { config, run } = command.prepare(values, new Set(Object.keys(given)));
    if (command.printsConfig) note(`config ${JSON.stringify(config)}`);
    await run(context);
    return 0;
  } catch (error) {
    throw signal.aborted && isAbort(error) ? new FourfoldError('interrupted', 'Stopped.', { cause: error }) : error;
  } finally {
    stopListening();
    progress.stop();
  }
}

function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}

/** The first Ctrl-C aborts the signal, the second ends the process at once. */
function listenForInterrupts(
  io: Surroundings,
  sayStopping: () => void,
): { signal: AbortSignal; stopListening: () => void } {
  const interrupts: Interrupts = io.interrupts ?? process;
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) {
      interrupts.exit(INTERRUPTED_STATUS);
      return;
    }
    sayStopping();
    controller.abort();
  };
  interrupts.on('SIGINT', listener);
  interrupts.on('SIGTERM', listener);
  return {
    signal: controller.signal,
    stopListening: () => {
      interrupts.off('SIGINT', listener);
      interrupts.off('SIGTERM', listener);
    },
  };
}

/** A file-system error that nobody turned into one of ours names its own path. */
function recognised(error: unknown): unknown {
  if (systemCodeOf(error) === null || typeof error !== 'object' || error === null) return error;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : 'a file';
  const isWrite =
    'syscall' in error && typeof error.syscall === 'string' && /^(write|mkdir|rename|fsync)/.test(error.syscall);
  return asStorageError(error, path, isWrite ? 'write' : 'read');
}

function reportError(thrown: unknown, { io, json }: { io: Surroundings; json: boolean }): number {
  const error = recognised(thrown);
  const code = error instanceof FourfoldError ? error.code : 'internal';
  const isKnown = error instanceof FourfoldError && code !== 'internal';
  const message = messageOf(error);
  io.stderr.write(`error: ${message}\n`);
  if (io.env.FOURFOLD_DEBUG === '1') {
    io.stderr.write(`${stackOf(error)}\n`);
  } else if (!isKnown) {
    io.stderr.write('This is a fault in fourfold. Run again with FOURFOLD_DEBUG=1 to see where it happened.\n');
  }
  if (json) io.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  return error instanceof FourfoldError ? error.exitStatus : 70;
}

/** The stack of an error and of its causes. */
function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return String(error);
  const cause = 'cause' in error && error.cause !== undefined ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack}${cause}`;
}
