// The command line in pieces: which command, its flags and positionals, and the options that every command has.
import { Parser } from 'yargs/helpers';
import { FourfoldError } from '../core/errors.ts';
import type { Command } from './command.ts';
import { didYouMean } from './nearest.ts';
import { type OptionSpec, optionSpecsOf, valueOfFlag } from './options.ts';

const PARSER_SETTINGS = {
  'camel-case-expansion': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'short-option-groups': false,
  'duplicate-arguments-array': true,
  'greedy-arrays': false,
};

const GLOBAL_TEXTS = ['workspace', 'config', 'set'];
const GLOBAL_SWITCHES = ['json', 'quiet', 'help', 'version'];

export interface GlobalOptions {
  workspace: string | null;
  config: string | null;
  set: string[];
  json: boolean;
  quiet: boolean;
  help: boolean;
  version: boolean;
}

type Values = Map<string, unknown[]>;

interface Split {
  values: Values;
  words: string[];
  /** What is wrong with the form of argv: an option without its value. */
  fault: string | null;
}

/** Splits argv; `texts` take a value each, `switches` none. */
function split(argv: ReadonlyArray<string>, texts: string[], switches: string[]): Split {
  const strings = [...GLOBAL_TEXTS, ...texts];
  const { argv: parsed, error } = Parser.detailed([...argv], {
    string: strings,
    boolean: [...GLOBAL_SWITCHES, ...switches],
    narg: Object.fromEntries(strings.map((name) => [name, 1])),
    alias: { help: ['h'] },
    configuration: { ...PARSER_SETTINGS, 'strip-aliased': true },
  });
  const { _, ...rest } = parsed;
  const values = new Map(Object.entries(rest).map(([name, value]) => [name, [value].flat()]));
  return { values, words: _.map(String), fault: error === null ? null : error.message };
}

/** A switch is there, is denied with --no-, or is followed by =true or =false. */
function refuseOddSwitches(argv: ReadonlyArray<string>, switches: string[]): void {
  for (const word of argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv) {
    const [, name = '', value] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    if (value === undefined || !switches.includes(name) || value === 'true' || value === 'false') continue;
    throw new FourfoldError('bad-option', `--${name}: expected true or false, got ${JSON.stringify(value)}.`);
  }
}

function textsOf(values: Values, flag: string, isSwitch: boolean): string[] {
  const given = values.get(flag) ?? [];
  if (!isSwitch && given.includes(false)) {
    throw new FourfoldError(
      'bad-option',
      `Unknown option --no-${flag}: --${flag} takes a value, so it has no such form.`,
    );
  }
  return given.map(String);
}

const isOn = (values: Values, name: string) => values.get(name)?.at(-1) === true;

/** The words of argv, options apart, and the options that every command has, before a command is known. */
export function parseGlobals(argv: ReadonlyArray<string>): { words: string[]; globals: GlobalOptions } {
  const { values, words } = split(argv, [], []);
  return { words, globals: globalsOf(values) };
}

function globalsOf(values: Values): GlobalOptions {
  const text = (name: string) => values.get(name)?.map(String).at(-1) ?? null;
  return {
    workspace: text('workspace'),
    config: text('config'),
    set: values.get('set')?.map(String) ?? [],
    json: isOn(values, 'json'),
    quiet: isOn(values, 'quiet'),
    help: isOn(values, 'help'),
    version: isOn(values, 'version'),
  };
}

function takePositionals(command: Command, specs: OptionSpec[], words: string[]): Record<string, unknown> {
  const taken: Record<string, unknown> = {};
  const left = [...words];
  for (const key of command.positionals) {
    const spec = specs.find((found) => found.key === key);
    if (spec === undefined || left.length === 0) continue;
    taken[key] = valueOfFlag(spec, left.splice(0, spec.kind === 'array' ? left.length : 1));
  }
  if (left.length > 0) {
    const form = command.positionals.map((key) => ` <${key}>`).join('');
    throw new FourfoldError(
      'bad-option',
      `Unexpected word ${JSON.stringify(left[0])}: expected fourfold ${command.name}${form} [options].`,
    );
  }
  return taken;
}

/**
 * Flags and positionals by config key.
 * @throws bad-option for an unknown option (with the nearest known one), a value of a wrong type, a word too many.
 */
export function parseCommandLine(
  command: Command,
  argv: ReadonlyArray<string>,
): { flags: Record<string, unknown>; globals: GlobalOptions } {
  const specs = optionSpecsOf(command.schema);
  const isSwitch = (spec: OptionSpec) => spec.kind === 'boolean';
  const { values, words, fault } = split(
    argv,
    specs.filter((spec) => !isSwitch(spec)).map((spec) => spec.flag),
    specs.filter(isSwitch).map((spec) => spec.flag),
  );
  refuseOddSwitches(argv, [...GLOBAL_SWITCHES, ...specs.filter(isSwitch).map((spec) => spec.flag)]);
  const known = [...GLOBAL_TEXTS, ...GLOBAL_SWITCHES, ...specs.map((spec) => spec.flag)];
  const strange = [...values.keys()].find((name) => !known.includes(name));
  if (strange !== undefined) {
    const dash = strange.length === 1 ? '-' : '--';
    const hint = didYouMean(
      `--${strange}`,
      known.map((name) => `--${name}`),
    );
    throw new FourfoldError(
      'bad-option',
      `Unknown option ${dash}${strange}.${hint} See: fourfold ${command.name} --help.`,
    );
  }
  if (fault !== null) {
    const flag = fault.split(' ').at(-1) ?? '';
    throw new FourfoldError(
      'bad-option',
      `--${flag}: expected a value after it. A value that starts with a dash is written --${flag}=VALUE.`,
    );
  }
  for (const name of GLOBAL_TEXTS) textsOf(values, name, false);
  const flags = takePositionals(command, specs, words.slice(command.name.split(' ').length));
  for (const spec of specs) {
    if (values.has(spec.flag)) flags[spec.key] = valueOfFlag(spec, textsOf(values, spec.flag, isSwitch(spec)));
  }
  return { flags, globals: globalsOf(values) };
}
