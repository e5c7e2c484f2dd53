// A command's configuration from its layers: defaults < --config FILE < --set key=value < flags.
// A key that nothing reads is an error in every layer.
import type { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, readTextFile } from '../core/jsonl.ts';
import { type JsonSchema, jsonSchemaOf } from './jsonSchema.ts';
import { didYouMean } from './nearest.ts';
import { kebab, valueOfSet } from './options.ts';

type Json = Record<string, unknown>;

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys of a schema whose keys are all known, or null where any key may be there. */
function knownKeysOf(schema: JsonSchema | undefined): string[] | null {
  return schema?.properties !== undefined && schema.additionalProperties === false
    ? Object.keys(schema.properties)
    : null;
}

function unknownKey(path: string, known: string[], where: string): FourfoldError {
  const prefix = path.includes('.') ? path.slice(0, path.lastIndexOf('.') + 1) : '';
  const hint = didYouMean(
    path,
    known.map((key) => prefix + key),
  );
  const list = known.length === 0 ? 'it takes no keys' : `known keys: ${known.join(', ')}`;
  return new FourfoldError('bad-option', `${where}: unknown key ${path}.${hint} (${list})`);
}

function refuseUnknownKeys(schema: JsonSchema | undefined, value: unknown, where: string, prefix = ''): void {
  if (!isObject(value)) return;
  const known = knownKeysOf(schema);
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix + key;
    if (FORBIDDEN_KEYS.has(key) || (known !== null && !known.includes(key))) {
      throw unknownKey(path, known ?? [], where);
    }
    refuseUnknownKeys(schema?.properties?.[key], inner, where, `${path}.`);
  }
}

/** Objects are merged key by key, everything else replaces what was there. */
function merged(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) return over;
  const result: Json = { ...under };
  for (const [key, value] of Object.entries(over)) result[key] = merged(result[key], value);
  return result;
}

/** @throws not-found, bad-input, bad-option. */
async function readConfigFile(schema: JsonSchema, path: string): Promise<Json> {
  const value = parseJson(await readTextFile(path), path);
  if (!isObject(value)) {
    throw new FourfoldError('bad-option', `${path}: expected a JSON object of options, got ${JSON.stringify(value)}.`);
  }
  refuseUnknownKeys(schema, value, path);
  return value;
}

/** {a: {b: value}} from 'a.b=value'. @throws bad-option. */
function fromSetting(schema: JsonSchema, setting: string): Json {
  const at = setting.indexOf('=');
  if (at < 1) {
    throw new FourfoldError('bad-option', `--set: expected key=value, got ${JSON.stringify(setting)}.`);
  }
  const path = setting.slice(0, at);
  const keys = path.split('.');
  let inner: JsonSchema | undefined = schema;
  for (const [i, key] of keys.entries()) {
    const known = knownKeysOf(inner);
    if (key === '' || FORBIDDEN_KEYS.has(key) || (known !== null && !known.includes(key))) {
      throw unknownKey(keys.slice(0, i + 1).join('.'), known ?? [], '--set');
    }
    inner = inner?.properties?.[key];
  }
  const value = valueOfSet(inner ?? {}, setting.slice(at + 1));
  refuseUnknownKeys(inner, value, '--set', `${path}.`);
  return keys.reduceRight<unknown>((nested, key) => ({ [key]: nested }), value) as Json;
}

function valueAt(value: unknown, path: ReadonlyArray<PropertyKey>): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[String(key)] : undefined), value);
}

function invalid(
  schema: JsonSchema,
  error: z.ZodError,
  { value, nameOf }: { value: Json; nameOf: (key: string) => string },
): FourfoldError {
  const lines = error.issues.map((issue) => {
    const [first] = issue.path;
    const name =
      first === undefined
        ? 'options'
        : issue.path.length === 1
          ? nameOf(String(first))
          : issue.path.map(String).join('.');
    const given = valueAt(value, issue.path);
    if (given === undefined && issue.code === 'invalid_type' && issue.path.length > 0) {
      const description = schema.properties?.[String(issue.path[0])]?.description;
      const what = description === undefined ? '' : ` (${description})`;
      return name.startsWith('--') ? `${name} is required${what}.` : `Expected ${name}${what}.`;
    }
    const got = given === undefined || issue.path.length === 0 ? '' : ` Got ${JSON.stringify(given)}.`;
    return `${name}: ${issue.message}.${got}`;
  });
  return new FourfoldError('bad-option', lines.join(' '), { cause: error });
}

export interface ParseNames {
  /** What the values are called as a whole. */
  where?: string;
  /** How a user writes a key: its flag where not given. */
  nameOf?: (key: string) => string;
}

/** Applies the schema: fills in defaults and checks. @throws bad-option with the flag's name. */
export function parseConfig<S extends z.ZodObject>(
  schema: S,
  value: Json,
  { where = 'options', nameOf = (key) => `--${kebab(key)}` }: ParseNames = {},
): z.output<S> {
  const json = jsonSchemaOf(schema);
  refuseUnknownKeys(json, value, where);
  const result = schema.safeParse(value);
  if (!result.success) throw invalid(json, result.error, { value, nameOf });
  return result.data;
}

export interface ConfigLayers {
  /** Absolute path of the --config file, or null. */
  file: string | null;
  /** Texts of --set, in order. */
  settings: ReadonlyArray<string>;
  /** Values of flags and positionals by config key. */
  flags: Json;
}

/** What the layers give together, before the schema fills in defaults. @throws bad-option, not-found, bad-input. */
export async function mergeLayers(schema: JsonSchema, layers: ConfigLayers): Promise<Json> {
  let config: unknown = layers.file === null ? {} : await readConfigFile(schema, layers.file);
  for (const setting of layers.settings) config = merged(config, fromSetting(schema, setting));
  return merged(config, layers.flags) as Json;
}
