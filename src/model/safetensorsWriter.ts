// Writing of safetensors, a tensor at a time: one file, or several and an index where the model is large.
// Formats: https://huggingface.co/docs/safetensors, and the index as transformers' save_pretrained writes it.
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { BYTES_PER_ELEMENT, encode, type WritableFormat } from './numberFormats.ts';
import { LENGTH_BYTES, type TensorData } from './safetensors.ts';

export const WEIGHTS_FILE = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** Bytes of tensors in one file before a model is written as several; transformers' long-standing 5 GB. */
export const SHARD_BYTES = 5e9;

/** Tensors by name whose values are fetched when they are written. */
export interface TensorSource {
  /** Shapes by name. */
  shapes: ReadonlyMap<string, ReadonlyArray<number>>;
  /** The values of one; not kept after they are written. */
  read(name: string): Promise<Float32Array>;
}

const sizeOf = (shape: ReadonlyArray<number>, format: WritableFormat) =>
  shape.reduce((product, size) => product * size, 1) * BYTES_PER_ELEMENT[format];

/** Length and header, padded so that the data begins at a multiple of 8. */
function headerOf(names: ReadonlyArray<string>, { shapes }: TensorSource, format: WritableFormat): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const name of names) {
    const shape = shapes.get(name) ?? [];
    const end = offset + sizeOf(shape, format);
    header[name] = { dtype: format, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8));
  const bytes = new Uint8Array(LENGTH_BYTES + text.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

async function writeFileOf(
  path: string,
  names: ReadonlyArray<string>,
  source: TensorSource,
  format: WritableFormat,
): Promise<void> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'w');
    await file.appendFile(headerOf(names, source, format));
    for (const name of names) {
      const bytes = encode(format, await source.read(name));
      const expected = sizeOf(source.shapes.get(name) ?? [], format);
      if (bytes.byteLength !== expected)
        throw new FourfoldError('internal', `Expected ${expected} bytes of ${name}, got ${bytes.byteLength}.`);
      await file.appendFile(bytes);
    }
    await file.sync();
  } catch (error) {
    throw asStorageError(error, path, 'write');
  } finally {
    await file?.close();
  }
}

/** Writes one file of float32 or bfloat16 tensors, sorted by name, synced to the disk. */
export async function writeTensors(path: string, source: TensorSource, format: WritableFormat = 'F32'): Promise<void> {
  await writeFileOf(path, [...source.shapes.keys()].sort(), source, format);
}

/** Writes one file of tensors that are all in memory. */
export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, TensorData>): Promise<void> {
  await writeTensors(path, {
    shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
    read: async (name) => tensors.get(name)?.values ?? new Float32Array(0),
  });
}

/** Names in order, a new group wherever the next would take the group above the limit. */
function shardsOf(source: TensorSource, format: WritableFormat, limit: number): string[][] {
  const shards: string[][] = [[]];
  let filled = 0;
  for (const name of [...source.shapes.keys()].sort()) {
    const bytes = sizeOf(source.shapes.get(name) ?? [], format);
    if (filled > 0 && filled + bytes > limit) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)?.push(name);
    filled += bytes;
  }
  return shards;
}

/**
 * Writes a model's weights into its folder: model.safetensors, or above `shardBytes` model-00001-of-0000N.safetensors
 * and model.safetensors.index.json.
 * @returns the names of the files
 */
export async function writeWeights(
  dir: string,
  source: TensorSource,
  { format = 'F32', shardBytes = SHARD_BYTES }: { format?: WritableFormat; shardBytes?: number } = {},
): Promise<string[]> {
  const shards = shardsOf(source, format, shardBytes);
  const [first, ...others] = shards;
  if (others.length === 0) {
    await writeFileOf(join(dir, WEIGHTS_FILE), first ?? [], source, format);
    return [WEIGHTS_FILE];
  }
  const digits = (number: number) => String(number).padStart(5, '0');
  const files: string[] = [];
  const map: Record<string, string> = {};
  let total = 0;
  for (const [i, names] of shards.entries()) {
    const file = `model-${digits(i + 1)}-of-${digits(shards.length)}.safetensors`;
    await writeFileOf(join(dir, file), names, source, format);
    files.push(file);
    for (const name of names) {
      map[name] = file;
      total += sizeOf(source.shapes.get(name) ?? [], format);
    }
  }
  const path = join(dir, WEIGHTS_INDEX);
  try {
    await writeFile(path, `${JSON.stringify({ metadata: { total_size: total }, weight_map: map }, null, 2)}\n`);
  } catch (error) {
    throw asStorageError(error, path, 'write');
  }
  return [...files, WEIGHTS_INDEX];
}
