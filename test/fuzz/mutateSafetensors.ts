// Damage to a safetensors file that is a function of its seed: bytes, lengths, and a header that lies in plain JSON.
import { type Random, randomFrom } from '../../src/core/random.ts';

const LENGTH_BYTES = 8;
const ODD_NUMBERS = [-1, 0, 1, 3, 0.5, 255, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53 + 2, 1e308];
const ODD_VALUES = [
  null,
  true,
  '',
  'F32',
  'BF16',
  'F64',
  'I8',
  'BOOL',
  'Q4',
  [],
  {},
  [[]],
  [1, 2, 3],
  { dtype: 'F32' },
];

type Json = Record<string, unknown>;

const choose = <T>(random: Random, from: ReadonlyArray<T>): T => from[random.integer(from.length)] as T;

/** A number near or far from the one that was there. */
function oddNumber(random: Random, was: unknown): unknown {
  if (typeof was === 'number' && random.integer(2) === 0) return was + random.integer(9) - 4;
  return choose(random, ODD_NUMBERS);
}

function damageEntry(random: Random, header: Json): void {
  const name = choose(random, Object.keys(header));
  const entry = header[name];
  if (typeof entry !== 'object' || entry === null || random.integer(12) === 0) {
    header[name] = choose(random, ODD_VALUES);
    return;
  }
  const fields = entry as Json;
  const key = choose(random, ['dtype', 'shape', 'data_offsets', 'data_offsets']);
  const value = fields[key];
  const kind = random.integer(8);
  if (kind === 0) delete fields[key];
  else if (kind === 1) fields[choose(random, ['extra', '__proto__x', 'Dtype'])] = choose(random, ODD_VALUES);
  else if (Array.isArray(value) && value.length > 0 && kind < 7) {
    const at = random.integer(value.length);
    value[at] = oddNumber(random, value[at]);
    if (random.integer(6) === 0) value.push(choose(random, ODD_NUMBERS));
  } else fields[key] = choose(random, ODD_VALUES);
}

/** A header whose JSON is whole and whose content lies. */
function lyingHeader(random: Random, text: string): string {
  const header = JSON.parse(text) as Json;
  for (let i = random.integer(2); i >= 0; i--) {
    const names = Object.keys(header);
    const kind = random.integer(10);
    if (kind === 0) delete header[choose(random, names)];
    else if (kind === 1) header[`copy.${i}`] = structuredClone(header[choose(random, names)]);
    else if (kind === 2) header.__metadata__ = choose(random, ODD_VALUES);
    else damageEntry(random, header);
  }
  const json = JSON.stringify(header);
  const kind = random.integer(20);
  if (kind === 0) return `${json.slice(0, -1)},${json.slice(1)}`;
  if (kind === 1) return '['.repeat(1 + random.integer(50_000));
  if (kind === 2) return json.replace(/\[/, '['.repeat(1 + random.integer(20_000)));
  return json;
}

const fileOf = (header: Uint8Array, claimed: bigint, data: Uint8Array): Buffer => {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(claimed);
  return Buffer.concat([length, header, data]);
};

/** A damaged copy of a whole file. */
export function mutatedSafetensors(whole: Buffer, seed: number): Buffer {
  const random = randomFrom(seed);
  const headerEnd = LENGTH_BYTES + Number(whole.readBigUInt64LE());
  const [header, data] = [whole.subarray(LENGTH_BYTES, headerEnd), whole.subarray(headerEnd)];
  const kind = random.integer(10);
  if (kind < 5) {
    const text = Buffer.from(lyingHeader(random, header.toString()));
    return fileOf(text, BigInt(text.length), random.integer(5) === 0 ? data.subarray(random.integer(8)) : data);
  }
  if (kind === 5) return whole.subarray(0, random.integer(whole.length));
  if (kind === 6) {
    const claims = [
      0n,
      1n,
      BigInt(header.length + random.integer(9) - 4),
      BigInt(whole.length),
      2n ** 32n,
      2n ** 53n,
      2n ** 64n - 1n,
    ];
    return fileOf(header, choose(random, claims), data);
  }
  if (kind === 7) return Buffer.concat([whole, Buffer.alloc(1 + random.integer(16), random.integer(256))]);
  const bytes = Buffer.from(whole);
  // Most of the damage goes where it matters: the length and the header.
  for (let i = random.integer(3); i >= 0; i--)
    bytes[random.integer(random.integer(4) === 0 ? bytes.length : headerEnd)] = random.integer(256);
  return bytes;
}
