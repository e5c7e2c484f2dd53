// Compiles the kernels of src/engine/wasm/assembly to dist/kernels: once for plain SIMD, once for relaxed SIMD
// (fused multiply-add). Does nothing where both are newer than every source.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = join(root, 'src', 'engine', 'wasm', 'assembly');
const target = join(root, 'dist', 'kernels');

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const newest = Math.max(
  modified(fileURLToPath(import.meta.url)),
  ...readdirSync(sources).map((name) => modified(join(sources, name))),
);

const VARIANTS = [
  { file: 'kernels.wasm', features: ['simd'] },
  { file: 'kernels-relaxed.wasm', features: ['simd', 'relaxed-simd'] },
];

mkdirSync(target, { recursive: true });
for (const { file, features } of VARIANTS) {
  const out = join(target, file);
  if (modified(out) > newest) continue;
  const { error, stderr } = await asc.main([
    join(sources, 'index.ts'),
    ...['--outFile', out, '--runtime', 'stub', '--importMemory', '--noAssert', '--use', 'abort=', '-O3'],
    ...features.flatMap((feature) => ['--enable', feature]),
  ]);
  if (error) {
    console.error(stderr.toString());
    throw error;
  }
}
