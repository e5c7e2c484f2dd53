// How a model reads text, as a hash of each part. Rewards, divergences and adapters are only right where both models agree
// in all of it: ids mean the same under one tokenizer, and a reply ends where both say that it ends.
import { FourfoldError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';

/** SHA-256 by part. */
export interface ContractParts {
  /** Vocabulary, merges, normalisation, added tokens. */
  tokenizer: string;
  /** All chat templates. */
  template: string;
  /** Beginning token and the tokens that end a reply. */
  endOfText: string;
  padding: string;
}

const NAMES: Record<keyof ContractParts, string> = {
  tokenizer: 'tokenizer',
  template: 'chat template',
  endOfText: 'end of text',
  padding: 'padding token',
};

export interface ContractSource {
  /** The parsed tokenizer.json. */
  tokenizerJson: object;
  templates: Readonly<Record<string, string>> | null;
  bosToken: string | null;
  stopTokens: ReadonlyArray<string>;
  padToken: string | null;
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value with every object's keys in one order. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, inOrder(inner)]),
  );
}

/** A merge as the pair that newer files have; older ones write it as a text with one space. */
const asPair = (merge: unknown): unknown => (typeof merge === 'string' ? merge.split(' ') : merge);

/** The model without the fields that say nothing: older files leave out what newer ones write as null or false. */
function withoutDefaults(model: unknown): unknown {
  if (!isObject(model)) return model;
  const said = Object.entries(model).filter(([, value]) => value !== null && value !== false);
  return Object.fromEntries(
    said.map(([key, value]) => [key, key === 'merges' && Array.isArray(value) ? value.map(asPair) : value]),
  );
}

/**
 * The hashes. How a file is written does not count, nor do settings that only its writer's batches needed: a tokenizer that
 * transformers has loaded and saved again keeps its contract.
 */
export function contractPartsOf({
  tokenizerJson,
  templates,
  bosToken,
  stopTokens,
  padToken,
}: ContractSource): ContractParts {
  const counted = Object.entries(tokenizerJson)
    .filter(([key]) => !['version', 'truncation', 'padding'].includes(key))
    .map(([key, value]) => [key, key === 'model' ? withoutDefaults(value) : value] as const);
  const named = Object.entries(templates ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    tokenizer: sha256(JSON.stringify(inOrder(Object.fromEntries(counted)))),
    template: sha256(JSON.stringify(named)),
    endOfText: sha256(JSON.stringify([bosToken, [...stopTokens].sort()])),
    padding: sha256(JSON.stringify(padToken)),
  };
}

/** One hash of all parts. */
export const contractOf = (parts: ContractParts): string =>
  sha256(JSON.stringify([parts.tokenizer, parts.template, parts.endOfText, parts.padding]));

/** A model and what it agreed to. */
export interface ContractHolder {
  name: string;
  parts: ContractParts;
}

/** The parts that differ, in words; empty where both read text alike. */
export function contractDifferences(one: ContractParts, other: ContractParts): string[] {
  return (Object.keys(NAMES) as Array<keyof ContractParts>)
    .filter((part) => one[part] !== other[part])
    .map((part) => NAMES[part]);
}

/**
 * @param remedy what to do about it, a sentence
 * @throws bad-model that names both sides and the parts that differ
 */
export function requireSameContract(one: ContractHolder, other: ContractHolder, remedy: string): void {
  const differences = contractDifferences(one.parts, other.parts);
  if (differences.length === 0) return;
  const hashes = ({ name, parts }: ContractHolder) => `${name} has ${contractOf(parts).slice(0, 12)}`;
  throw new FourfoldError(
    'bad-model',
    `Expected two models that read text alike, but they differ in: ${differences.join(', ')} ` +
      `(contract: ${hashes(one)}, ${hashes(other)}). ${remedy}`,
  );
}
