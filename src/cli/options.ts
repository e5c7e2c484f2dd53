// From a command's schema to its flags, and from texts to values. Layering is in resolveConfig.ts; zod is not loaded.
import { FourfoldError } from '../core/errors.ts';
import type { JsonSchema } from './jsonSchema.ts';

type Scalar = 'number' | 'integer' | 'boolean' | 'string';

/** How one config key appears on the command line. */
export interface OptionSpec {
  key: string;
  /** Kebab case, without dashes. */
  flag: string;
  /** 'json': several types; the text is read as JSON where it is JSON. 'object': only through --set and --config. */
  kind: Scalar | 'array' | 'json' | 'object';
  /** Type of an array's items. */
  itemKind: Scalar | 'json';
  choices: string[] | null;
  isRequired: boolean;
  defaultValue: unknown;
  describe: string;
}

/** Options that every command has. */
export const GLOBAL_FLAGS = ['workspace', 'json', 'config', 'set', 'quiet', 'help', 'version'] as const;

/** maxNewTokens → max-new-tokens */
export function kebab(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function typesOf(schema: JsonSchema): string[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(typesOf);
  if (schema.type !== undefined) return [schema.type].flat();
  if (schema.const !== undefined) return [typeof schema.const];
  return (schema.enum ?? []).map((value) => typeof value);
}

/** The one type of the schema, null apart, or 'json' where there are several. */
function kindOf(schema: JsonSchema): Scalar | 'array' | 'object' | 'json' {
  const types = new Set(typesOf(schema).filter((type) => type !== 'null'));
  const [type] = types;
  if (types.size !== 1) return 'json';
  switch (type) {
    case 'number':
    case 'integer':
    case 'boolean':
    case 'string':
    case 'array':
    case 'object':
      return type;
    default:
      return 'json';
  }
}

function withoutNull(schema: JsonSchema): JsonSchema {
  const kept = schema.anyOf?.filter((branch) => branch.type !== 'null');
  return kept?.length === 1 && kept[0] !== undefined ? kept[0] : schema;
}

function choicesOf(schema: JsonSchema): string[] | null {
  const values = schema.enum?.filter((value) => typeof value === 'string');
  return values === undefined || values.length === 0 ? null : values;
}

/** The flags of a command, in the order of its schema. */
export function optionSpecsOf(schema: JsonSchema): OptionSpec[] {
  return Object.entries(schema.properties ?? {}).map(([key, property]) => {
    const bare = withoutNull(property);
    const kind = kindOf(bare);
    const item = kind === 'array' ? withoutNull(bare.items ?? {}) : {};
    const itemKind = kindOf(item);
    return {
      key,
      flag: kebab(key),
      kind,
      itemKind: itemKind === 'array' || itemKind === 'object' ? 'json' : itemKind,
      choices: choicesOf(kind === 'array' ? item : bare),
      isRequired: schema.required?.includes(key) ?? false,
      defaultValue: property.default,
      describe: property.description ?? bare.description ?? '',
    };
  });
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function scalarOf(kind: Scalar | 'json', text: string, flag: string): unknown {
  switch (kind) {
    case 'string':
      return text;
    case 'json':
      return parsedOr(text);
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true';
      throw new FourfoldError('bad-option', `--${flag}: expected true or false, got ${JSON.stringify(text)}.`);
    case 'number':
    case 'integer': {
      const number = text.trim() === '' ? Number.NaN : Number(text);
      if (Number.isFinite(number) && (kind === 'number' || Number.isInteger(number))) return number;
      const wanted = kind === 'integer' ? 'a whole number' : 'a number';
      throw new FourfoldError('bad-option', `--${flag}: expected ${wanted}, got ${JSON.stringify(text)}.`);
    }
    default:
      return kind satisfies never;
  }
}

/**
 * The value that a flag's texts stand for. An array's flag may be repeated, and each text is split at its commas;
 * items that contain commas go through --set key='["a,b"]'.
 * @throws bad-option.
 */
export function valueOfFlag(spec: OptionSpec, texts: ReadonlyArray<string>): unknown {
  if (spec.kind === 'object') {
    throw new FourfoldError(
      'bad-option',
      `--${spec.flag} holds several values: expected --set ${spec.key}.NAME=VALUE, or "${spec.key}" in a --config file.`,
    );
  }
  const { itemKind } = spec;
  if (spec.kind === 'array') {
    const items = texts.flatMap((text) => (text === '' ? [] : text.split(',')));
    return items.map((item) => scalarOf(itemKind, item.trim(), spec.flag));
  }
  const text = texts.at(-1) ?? '';
  if (text === 'null' && spec.defaultValue === null && spec.kind !== 'string') return null;
  return scalarOf(spec.kind, text, spec.flag);
}

/** The value of `--set key=text` for a key of this schema: JSON where it is JSON, unless only text fits. */
export function valueOfSet(schema: JsonSchema, text: string): unknown {
  const value = parsedOr(text);
  const isNullable = typesOf(schema).includes('null');
  const mustBeText = kindOf(withoutNull(schema)) === 'string';
  return mustBeText && typeof value !== 'string' && !(value === null && isNullable) ? text : value;
}
