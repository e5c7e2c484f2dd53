// Reading and writing of safetensors: an 8-byte little-endian header length, a JSON header, then the data.
// Format: https://huggingface.co/docs/safetensors. The header is checked whole before any tensor is allocated.
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { sentenceOf } from '../core/zodSentence.ts';

const HEADER_LIMIT = 100 * 2 ** 20;
const LENGTH_BYTES = 8;
const BYTES_PER_ELEMENT = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
const READABLE = ['F32', 'F16', 'BF16'] as const;

const Entry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const Header = z.record(z.string(), z.unknown());

export interface TensorEntry {
  name: string;
  dtype: (typeof READABLE)[number];
  shape: number[];
  /** First byte in the file, and bytes in all. */
  offset: number;
  bytes: number;
}

/** A tensor's values as float32, whatever it was stored as. */
export interface TensorData {
  shape: number[];
  values: Float32Array;
}

const bad = (path: string, problem: string) =>
  new FourfoldError('bad-model', `${path}: ${problem}. The file is damaged or no safetensors file; fetch it again.`);

function parseHeader(path: string, bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw bad(path, 'its header is no JSON');
  }
  const { data } = Header.safeParse(value);
  if (data === undefined) throw bad(path, 'its header is no table of tensors');
  return data;
}

function checkEntry(path: string, name: string, value: unknown, dataStart: number, dataBytes: number): TensorEntry {
  const parsed = Entry.safeParse(value);
  if (!parsed.success) throw bad(path, `tensor ${name}: ${sentenceOf(parsed.error, value).slice(0, -1)}`);
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  if (!Object.hasOwn(BYTES_PER_ELEMENT, dtype)) throw bad(path, `tensor ${name} has the unknown dtype ${dtype}`);
  const width = BYTES_PER_ELEMENT[dtype as keyof typeof BYTES_PER_ELEMENT];
  const readable = READABLE.find((known) => known === dtype);
  if (readable === undefined) {
    throw new FourfoldError(
      'unsupported',
      `${path}: tensor ${name} is ${dtype}; expected one of ${READABLE.join(', ')}.`,
    );
  }
  const expected = shape.reduce((product, size) => product * size, 1) * width;
  if (end - begin !== expected) {
    throw bad(path, `tensor ${name} of shape [${shape}] needs ${expected} bytes, its range has ${end - begin}`);
  }
  if (end > dataBytes) throw bad(path, `tensor ${name} ends at byte ${end} of ${dataBytes}: the file is cut short`);
  return { name, dtype: readable, shape, offset: dataStart + begin, bytes: expected };
}

function checkOverlap(path: string, entries: ReadonlyArray<TensorEntry>): void {
  const sorted = entries.filter((entry) => entry.bytes > 0).sort((a, b) => a.offset - b.offset);
  for (const [i, entry] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next !== undefined && entry.offset + entry.bytes > next.offset) {
      throw bad(path, `tensors ${entry.name} and ${next.name} overlap`);
    }
  }
}

async function readExactly(file: FileHandle, path: string, position: number, target: Uint8Array): Promise<void> {
  let done = 0;
  while (done < target.byteLength) {
    const { bytesRead } = await file.read(target, done, target.byteLength - done, position + done);
    if (bytesRead === 0)
      throw bad(path, `expected ${target.byteLength} bytes at ${position}, got ${done}: the file is cut short`);
    done += bytesRead;
  }
}

async function readEntries(file: FileHandle, path: string): Promise<TensorEntry[]> {
  const { size } = await file.stat();
  if (size < LENGTH_BYTES) throw bad(path, `expected a header, got ${size} bytes`);
  const length = new Uint8Array(LENGTH_BYTES);
  await readExactly(file, path, 0, length);
  const headerBytes = Number(new DataView(length.buffer).getBigUint64(0, true));
  if (headerBytes > Math.min(HEADER_LIMIT, size - LENGTH_BYTES)) {
    throw bad(path, `the header claims ${headerBytes} bytes of a file of ${size}`);
  }
  const header = new Uint8Array(headerBytes);
  await readExactly(file, path, LENGTH_BYTES, header);
  const json = parseHeader(path, header);
  const dataStart = LENGTH_BYTES + headerBytes;
  const entries = Object.entries(json)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => checkEntry(path, name, value, dataStart, size - dataStart));
  checkOverlap(path, entries);
  return entries;
}

const scratch = new DataView(new ArrayBuffer(4));

/** IEEE 754 half precision to single. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 is the upper half of a single. */
function fromBrain(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function toFloat32(bytes: Uint8Array, dtype: TensorEntry['dtype']): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decode = dtype === 'F16' ? fromHalf : fromBrain;
  return Float32Array.from({ length: bytes.byteLength / 2 }, (_, i) => decode(view.getUint16(2 * i, true)));
}

/**
 * Reads every tensor of a file, one range at a time.
 * @throws not-found, bad-model (truncated, overlapping, lying header), unsupported (dtype).
 */
export async function readSafetensors(path: string): Promise<Map<string, TensorData>> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const tensors = new Map<string, TensorData>();
    for (const entry of await readEntries(file, path)) {
      const bytes = new Uint8Array(entry.bytes);
      await readExactly(file, path, entry.offset, bytes);
      tensors.set(entry.name, { shape: entry.shape, values: toFloat32(bytes, entry.dtype) });
    }
    return tensors;
  } catch (error) {
    throw asStorageError(error, path, 'read');
  } finally {
    await file?.close();
  }
}

/** Checks a file's header against its size without reading the tensors. @throws as readSafetensors. */
export async function checkSafetensors(path: string): Promise<TensorEntry[]> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    return await readEntries(file, path);
  } catch (error) {
    throw asStorageError(error, path, 'read');
  } finally {
    await file?.close();
  }
}

/** Writes float32 tensors, sorted by name, synced to the disk. The header is padded so that the data is 8-byte aligned. */
export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, TensorData>): Promise<void> {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    const bytes = tensor.values.byteLength;
    header[name] = { dtype: 'F32', shape: tensor.shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = JSON.stringify(header);
  const padded = new TextEncoder().encode(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.byteLength), true);
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'w');
    await file.appendFile(length);
    await file.appendFile(padded);
    for (const name of names) {
      const values = tensors.get(name)?.values;
      if (values !== undefined)
        await file.appendFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    await file.sync();
  } catch (error) {
    throw asStorageError(error, path, 'write');
  } finally {
    await file?.close();
  }
}
