// Damage to a tokenizer.json that is a function of its seed: wrong types, cyclic merges, absurd numbers, cut and broken text.
import { type Random, randomFrom } from '../../src/core/random.ts';

type Holder = Record<string, unknown> | unknown[];

const choose = <T>(random: Random, from: ReadonlyArray<T>): T => from[random.integer(from.length)] as T;

const isHolder = (value: unknown): value is Holder => typeof value === 'object' && value !== null;

/** Values of every type, patterns that are none or costly among them. */
const ODD_VALUES: ReadonlyArray<() => unknown> = [
  ...[null, true, false, '', 'a', 'a b', '\ud800', [], {}, [[]], [null], [['a', 'b', 'c']], { type: 'Nothing' }].map(
    (value) => () => structuredClone(value),
  ),
  ...[-1, 0.5, 2 ** 22, 2 ** 31, 2 ** 32, 4e9, 2 ** 53, 1e308].map((value) => () => value),
  ...['BPE', 'Unigram', 'WordPiece', 'WordLevel', 'ByteLevel', 'Metaspace', 'Split', 'Sequence', 'Replace'].map(
    (type) => () => ({ type }),
  ),
  ...['(', '[z-a]', '(a+)+$', '\\p{Nothing}', '(?i:x)', '^|'].map((Regex) => () => ({ Regex })),
  () => 'x'.repeat(20_000),
  () => Array.from({ length: 5000 }, (_, i) => i),
  () => JSON.parse('['.repeat(2000) + ']'.repeat(2000)) as unknown,
];

/** A random place: the holder and the key in it; deep places are as likely as flat ones. */
function place(random: Random, root: Holder): { holder: Holder; key: string } | null {
  let holder = root;
  for (;;) {
    const keys = Object.keys(holder);
    if (keys.length === 0) return null;
    const key = choose(random, keys);
    const inner = Reflect.get(holder, key) as unknown;
    if (!isHolder(inner) || Object.keys(inner).length === 0 || random.integer(3) === 0) return { holder, key };
    holder = inner;
  }
}

function damagePlace(random: Random, root: Holder): void {
  const found = place(random, root);
  if (found === null) return;
  const { holder, key } = found;
  const kind = random.integer(6);
  if (kind === 0) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  } else if (kind === 1) {
    const other = place(random, root);
    if (other !== null) Reflect.set(holder, key, structuredClone(Reflect.get(other.holder, other.key)));
  } else Reflect.set(holder, key, choose(random, ODD_VALUES)());
}

interface Model {
  vocab?: unknown;
  merges?: unknown;
}

/** Merges that go in circles, name unknown tokens, or come many times; ids that collide or leave room for billions. */
function damageModel(random: Random, model: Model): void {
  const vocab = isHolder(model.vocab) && !Array.isArray(model.vocab) ? model.vocab : {};
  const tokens = Object.keys(vocab);
  const token = () => (tokens.length === 0 ? 'a' : choose(random, tokens));
  const merges = Array.isArray(model.merges) ? model.merges : [];
  const at = random.integer(merges.length + 1);
  switch (random.integer(8)) {
    case 0:
      merges.splice(at, 0, [token(), ''], ['', ''], ['', token()]);
      break;
    case 1: {
      const [a, b] = [token(), token()];
      Reflect.set(vocab, a + b, tokens.length);
      merges.splice(at, 0, [a, b], [a + b, a], [a, a + b], [b, a]);
      break;
    }
    case 2:
      merges.splice(at, 0, token(), `${token()} ${token()} ${token()}`, ' ');
      break;
    case 3:
      for (let i = 0; i < 500; i++) merges.push([token(), token()]);
      break;
    case 4:
      Reflect.set(vocab, token(), Reflect.get(vocab, token()));
      break;
    case 5:
      Reflect.set(vocab, token(), choose(random, [-5, 1.5, 2 ** 22 - 1, 2 ** 32, 2 ** 53, 1e300, '7', null]));
      break;
    case 6:
      Reflect.set(model, 'merges', choose(random, ODD_VALUES)());
      break;
    default:
      Reflect.set(model, 'vocab', choose(random, ODD_VALUES)());
  }
}

function damageText(random: Random, text: string): string {
  if (random.integer(2) === 0) return text.slice(0, random.integer(text.length));
  const bytes = Buffer.from(text);
  for (let i = random.integer(4); i >= 0; i--) bytes[random.integer(bytes.length)] = random.integer(256);
  return bytes.toString('latin1');
}

/** The text of a damaged copy. */
export function mutatedTokenizer(whole: object, seed: number): string {
  const random = randomFrom(seed);
  const root = structuredClone(whole) as Record<string, unknown>;
  const kind = random.integer(10);
  if (kind === 0) return damageText(random, JSON.stringify(root));
  for (let i = random.integer(3); i >= 0; i--) {
    if (kind < 5 && isHolder(root.model)) damageModel(random, root.model as Model);
    else damagePlace(random, root);
  }
  return JSON.stringify(root);
}
