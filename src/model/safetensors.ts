// Reading of safetensors: an 8-byte little-endian header length, a JSON header, then the data.
// Format: https://huggingface.co/docs/safetensors. The header is checked whole before any tensor is allocated, and the
// data is read by range, a tensor at a time. Writing lies in safetensorsWriter.ts.
import { constants } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { duplicateKey } from '../core/duplicateKey.ts';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { sentenceOf } from '../core/zodSentence.ts';
import {
  BYTES_PER_ELEMENT,
  decodeInto,
  isNumberFormat,
  isReadable,
  type NumberFormat,
  READABLE,
} from './numberFormats.ts';

/** The limit that the format itself sets. */
const HEADER_LIMIT = 100_000_000;
export const LENGTH_BYTES = 8;
/** Bytes that are decoded at a time: a whole number of elements of every format. */
const BLOCK_BYTES = 8 * 2 ** 20;
/** Node reads less than 2 GiB at a time. */
const READ_LIMIT = 2 ** 30;
const SHOWN_CHARS = 100;

const Entry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const Header = z.record(z.string(), z.unknown());
const Metadata = z.record(z.string(), z.string());
const METADATA = '__metadata__';

export interface TensorEntry {
  name: string;
  dtype: NumberFormat;
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

/** An open file whose header was checked against its size; the caller closes it. */
export interface SafetensorsFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** @throws unsupported where the tensor's format cannot be read; bad-model where the file has changed under us. */
  read(entry: TensorEntry): Promise<Float32Array>;
  close(): Promise<void>;
}

const bad = (path: string, problem: string) =>
  new FourfoldError('bad-model', `${path}: ${problem}. The file is damaged or no safetensors file; fetch it again.`);

const shown = (text: string) => (text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}...`);

function parseHeader(path: string, bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw bad(path, 'its header is no JSON');
  }
  const { data } = Header.safeParse(value);
  if (data === undefined) throw bad(path, 'its header is no table of tensors');
  const twice = duplicateKey(text);
  if (twice !== null) throw bad(path, `its header names ${shown(twice)} twice`);
  if (data[METADATA] !== undefined && !Metadata.safeParse(data[METADATA]).success)
    throw bad(path, `its header's ${METADATA} is no table of texts`);
  return data;
}

function checkEntry(path: string, name: string, value: unknown, dataStart: number): TensorEntry {
  const tensor = `tensor ${shown(name)}`;
  const parsed = Entry.safeParse(value);
  if (!parsed.success) throw bad(path, `${tensor}: ${sentenceOf(parsed.error, value).slice(0, -1)}`);
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  if (!isNumberFormat(dtype)) throw bad(path, `${tensor} has the unknown dtype ${shown(dtype)}`);
  const expected = shape.reduce((product, size) => product * size, 1) * BYTES_PER_ELEMENT[dtype];
  if (end - begin !== expected) {
    const problem = `${tensor} of shape [${shown(shape.join())}] needs ${expected} bytes, its range has ${end - begin}`;
    throw bad(path, problem);
  }
  return { name, dtype, shape, offset: dataStart + begin, bytes: expected };
}

/** The ranges must cover the data from its first byte to its last, each byte once, as the format asks. */
function checkCover(path: string, entries: ReadonlyArray<TensorEntry>, dataStart: number, size: number): void {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let at = dataStart;
  let before = 'the header';
  for (const { name, offset, bytes } of sorted) {
    if (offset + bytes > size) {
      throw bad(
        path,
        `tensor ${shown(name)} ends at byte ${offset + bytes - dataStart} of ${size - dataStart}: the file is cut short`,
      );
    }
    if (offset < at) throw bad(path, `tensors ${before} and ${shown(name)} overlap`);
    if (offset > at) throw bad(path, `${offset - at} bytes between ${before} and ${shown(name)} belong to no tensor`);
    at = offset + bytes;
    before = shown(name);
  }
  if (at < size) throw bad(path, `${size - at} bytes after ${before} belong to no tensor`);
}

async function readExactly(file: FileHandle, path: string, position: number, target: Uint8Array): Promise<void> {
  let done = 0;
  while (done < target.byteLength) {
    const length = Math.min(READ_LIMIT, target.byteLength - done);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0)
      throw bad(path, `expected ${target.byteLength} bytes at ${position}, got ${done}: the file is cut short`);
    done += bytesRead;
  }
}

async function readEntries(file: FileHandle, path: string): Promise<Map<string, TensorEntry>> {
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
  const dataStart = LENGTH_BYTES + headerBytes;
  const entries = Object.entries(parseHeader(path, header))
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => checkEntry(path, name, value, dataStart));
  checkCover(path, entries, dataStart, size);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

/** @throws unsupported where the tensor's values cannot be had as float32. */
export function checkReadable(path: string, { name, dtype, shape, bytes }: TensorEntry): void {
  if (!isReadable(dtype)) {
    throw new FourfoldError(
      'unsupported',
      `${path}: tensor ${shown(name)} is ${dtype}; expected one of ${READABLE.join(', ')}. Convert the model to one of them.`,
    );
  }
  const asFloat = (bytes / BYTES_PER_ELEMENT[dtype]) * 4;
  if (asFloat > constants.MAX_LENGTH) {
    throw new FourfoldError(
      'unsupported',
      `${path}: tensor ${shown(name)} of shape [${shape}] needs ${asFloat} bytes as float32; ` +
        `this Node.js allows ${constants.MAX_LENGTH} in one array. Run a newer Node.js.`,
    );
  }
}

async function readTensor(file: FileHandle, path: string, entry: TensorEntry): Promise<Float32Array> {
  checkReadable(path, entry);
  const { dtype, offset, bytes } = entry;
  if (!isReadable(dtype)) throw new FourfoldError('internal', `Expected a readable number format, got ${dtype}.`);
  const width = BYTES_PER_ELEMENT[dtype];
  const values = new Float32Array(bytes / width);
  if (dtype === 'F32') {
    await readExactly(file, path, offset, new Uint8Array(values.buffer));
    return values;
  }
  const block = new Uint8Array(Math.min(BLOCK_BYTES, bytes));
  for (let done = 0; done < bytes; done += block.byteLength) {
    const part = block.subarray(0, bytes - done);
    await readExactly(file, path, offset + done, part);
    decodeInto(dtype, part, values.subarray(done / width, (done + part.byteLength) / width));
  }
  return values;
}

/** Opens a file and checks its whole header. @throws not-found, storage-failed, bad-model (truncated, lying header). */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: FileHandle | null = null;
  const asOurs = (error: unknown) => asStorageError(error, path, 'read', 'name another model');
  try {
    const opened = await open(path, 'r');
    file = opened;
    const entries = await readEntries(opened, path);
    return {
      path,
      entries,
      read: (entry) =>
        readTensor(opened, path, entry).catch((error: unknown) => {
          throw asOurs(error);
        }),
      close: () => opened.close(),
    };
  } catch (error) {
    await file?.close();
    throw asOurs(error);
  }
}

/** Every tensor of a file, for small ones. @throws as openSafetensors, and unsupported (dtype). */
export async function readSafetensors(path: string): Promise<Map<string, TensorData>> {
  const file = await openSafetensors(path);
  try {
    for (const entry of file.entries.values()) checkReadable(path, entry);
    const tensors = new Map<string, TensorData>();
    for (const entry of file.entries.values())
      tensors.set(entry.name, { shape: entry.shape, values: await file.read(entry) });
    return tensors;
  } finally {
    await file.close();
  }
}

/** Checks a file's header against its size without reading the tensors. @throws as openSafetensors. */
export async function checkSafetensors(path: string): Promise<TensorEntry[]> {
  const file = await openSafetensors(path);
  await file.close();
  return [...file.entries.values()];
}
