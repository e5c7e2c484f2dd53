// Compiles the kernels of src/engine/wasm/assembly to dist/kernels: for plain SIMD, for relaxed SIMD (fused multiply-add), and
// with tiles for runtimes that join vectors into wider ones, each for the memory of one thread and for a shared one. Does
// nothing where all are newer than every source. The program of the pool's threads lies beside them.
import { copyFileSync, cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
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

// A shared memory must be imported with the maximum it was made with: all of the 65536 pages.
const SHARED = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];
const VARIANTS = [
  { name: 'kernels', features: ['simd'], isWide: 0 },
  { name: 'kernels-relaxed', features: ['simd', 'relaxed-simd'], isWide: 0 },
  { name: 'kernels-wide', features: ['simd', 'relaxed-simd'], isWide: 1 },
].flatMap((variant) => [
  { ...variant, file: `${variant.name}.wasm`, options: [] },
  { ...variant, file: `${variant.name}-shared.wasm`, options: SHARED },
]);

mkdirSync(target, { recursive: true });
// The kernels in C++ are compiled where they run, by `fourfold engine install tensorflow`.
cpSync(join(root, 'src', 'engine', 'tensorflow', 'native'), join(target, 'native'), { recursive: true });
copyFileSync(join(sources, '..', 'kernelThread.mjs'), join(target, 'kernelThread.mjs'));
for (const { file, features, options, isWide } of VARIANTS) {
  const out = join(target, file);
  if (modified(out) > newest) continue;
  const { error, stderr } = await asc.main([
    join(sources, 'index.ts'),
    ...[
      '--outFile',
      out,
      '--runtime',
      'stub',
      '--importMemory',
      '--noAssert',
      '--use',
      'abort=',
      '--use',
      `WIDE=${isWide}`,
      '-O3',
    ],
    ...options,
    ...features.flatMap((feature) => ['--enable', feature]),
  ]);
  if (error) {
    console.error(stderr.toString());
    throw error;
  }
}
