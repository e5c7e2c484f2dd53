import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { fuzzerOf, KINDS } from './cases.ts';

/** `npm run fuzz` takes ten thousand, in processes that may be killed. */
const CASES = Number(process.env.FOURFOLD_FUZZ_CASES ?? 300);
const MEBIBYTE = 2 ** 20;

test.each(KINDS)(`mutated files are loaded or refused, and nothing else: %s`, async (kind) => {
  const dir = await mkdtemp(join(tmpdir(), 'fourfold-fuzz-'));
  // The tokenizer library tells the console of patterns that it does not know.
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  try {
    const fuzz = await fuzzerOf(kind, dir);
    const counts = new Map<string, number>();
    for (let seed = 0; seed < CASES; seed++) {
      const { result, crash, bufferBytes, fileBytes } = await fuzz(seed);
      if (crash !== undefined) throw new Error(`${kind} seed ${seed}: ${crash}`);
      expect(bufferBytes).toBeLessThan(MEBIBYTE + 4 * fileBytes);
      counts.set(result, (counts.get(result) ?? 0) + 1);
    }
    for (const result of counts.keys()) expect(['loaded', 'bad-model', 'unsupported', 'bad-input']).toContain(result);
    // Neither everything is refused nor everything taken.
    expect(counts.get('loaded')).toBeGreaterThan(CASES / 50);
    expect(counts.get('bad-model')).toBeGreaterThan(CASES / 3);
  } finally {
    warn.mockRestore();
    await rm(dir, { recursive: true, force: true });
  }
});
