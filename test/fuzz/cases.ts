// One mutated file a seed: it is written, loaded and used, or refused with an error of ours; anything else is a finding.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { FourfoldError } from '../../src/core/errors.ts';
import { openSafetensors } from '../../src/model/safetensors.ts';
import { loadTokenizer } from '../../src/tokens/tokenizer.ts';
import { mutatedSafetensors } from './mutateSafetensors.ts';
import { mutatedTokenizer } from './mutateTokenizer.ts';
import { wholeSafetensors, wholeTokenizers } from './wholeFiles.ts';

export const KINDS = ['safetensors', 'tokenizer'] as const;
export type Kind = (typeof KINDS)[number];

export interface Outcome {
  /** 'loaded', the code of the refusal, or 'crash'. */
  result: string;
  /** What was thrown, where it is no error of ours. */
  crash?: string;
  milliseconds: number;
  fileBytes: number;
  /** Growth of memory outside the heap, and on it, garbage included. */
  bufferBytes: number;
  heapBytes: number;
}

/** Writes the file of a seed and says how to load it. */
export type Fuzzer = (seed: number) => Promise<Outcome>;

const TEXT = 'the cat at 12:30 — naïve 猫 <|end|></s>';

async function measured(fileBytes: number, load: () => Promise<void>): Promise<Outcome> {
  const before = process.memoryUsage();
  const start = performance.now();
  let result = 'loaded';
  let crash: string | undefined;
  try {
    await load();
  } catch (error) {
    result = error instanceof FourfoldError ? error.code : 'crash';
    if (result === 'crash') crash = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const milliseconds = performance.now() - start;
  const after = process.memoryUsage();
  return {
    ...{ result, milliseconds, fileBytes },
    ...(crash === undefined ? {} : { crash }),
    bufferBytes: after.arrayBuffers - before.arrayBuffers,
    heapBytes: after.heapUsed - before.heapUsed,
  };
}

async function loadEveryTensor(path: string): Promise<void> {
  const file = await openSafetensors(path);
  try {
    for (const entry of file.entries.values()) {
      const values = await file.read(entry);
      const expected = entry.shape.reduce((product, size) => product * size, 1);
      if (values.length !== expected)
        throw new Error(`${entry.name}: expected ${expected} values, got ${values.length}`);
    }
  } finally {
    await file.close();
  }
}

/** Loads the tokenizer and uses it on a text. */
async function useTokenizer(dir: string): Promise<void> {
  const tokenizer = await loadTokenizer(dir);
  tokenizer.decode(tokenizer.encode(TEXT, { addSpecialTokens: true }));
}

/** A fuzzer that works in `dir`; seed s starts from whole file s mod their number. */
export async function fuzzerOf(kind: Kind, dir: string): Promise<Fuzzer> {
  if (kind === 'safetensors') {
    const files = await wholeSafetensors(dir);
    return async (seed) => {
      const path = join(dir, 'mutated.safetensors');
      const bytes = mutatedSafetensors(files[seed % files.length] as Buffer, seed);
      await writeFile(path, bytes);
      return measured(bytes.length, () => loadEveryTensor(path));
    };
  }
  const tokenizers = await wholeTokenizers();
  return async (seed) => {
    const text = mutatedTokenizer(tokenizers[seed % tokenizers.length] as object, seed);
    await writeFile(join(dir, 'tokenizer.json'), text);
    return measured(Buffer.byteLength(text), () => useTokenizer(dir));
  };
}
