// Compiles our kernels in C++ (src/engine/tensorflow/native) against a TensorFlow library, for the very processor at hand.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { packagePath } from '../../core/packageRoot.ts';
import { type Compilation, linkTo } from './compileBinding.ts';
import type { Installation } from './installation.ts';
import { runProgram, tailOf } from './runProgram.ts';

/** File name of the module, in the folder of the binding. */
export const KERNELS_FILE = 'kernels.node';

/** Where the sources are: beside the kernels of the back end wasm, where the build puts both. */
const sourcesFolder = (): string => packagePath('dist', 'kernels', 'native');

/** SHA-256 of the sources, by which a compiled module is known to belong to this version of the code; null without any. */
export function sourcesFingerprint(): string | null {
  const folder = sourcesFolder();
  try {
    const hash = createHash('sha256');
    for (const name of readdirSync(folder).sort()) hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
    return hash.digest('hex');
  } catch {
    return null;
  }
}

/** All that the processor says it can do. Code for this one runs on another where that can do all of it too. */
export function processorFeatures(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    if (line !== undefined) return line.trim().split(/\s+/).sort();
  } catch {
    // not Linux
  }
  return [cpus()[0]?.model ?? 'unknown'];
}

/**
 * Why an installation's kernels are not to be loaded, or null.
 * @param present what this processor can do
 * @param sources the fingerprint of this version's sources
 */
export function whyWithoutKernels(
  kernels: Installation['kernels'],
  present: ReadonlyArray<string>,
  sources: string | null,
): string | null {
  const again = 'Run fourfold engine remove tensorflow, then fourfold engine install tensorflow';
  if (kernels === undefined) return `an earlier version installed it. ${again}`;
  if ('refused' in kernels) return `they did not compile (${kernels.refused.split('\n').at(-1)})`;
  if (kernels.sources !== sources) return `another version of fourfold compiled them. ${again}`;
  const missing = kernels.processor.filter((feature) => !present.includes(feature));
  if (missing.length === 0) return null;
  return `they were compiled for another processor (one with ${missing.slice(0, 4).join(', ')}). ${again}`;
}

/**
 * Compiles the kernels into the binding's folder.
 * @returns null, or the compiler's words where it refuses
 */
export async function compileKernels(compilation: Omit<Compilation, 'sources'>): Promise<string | null> {
  const { compiler, env, signal, output } = compilation;
  const sources = sourcesFolder();
  let names: string[];
  try {
    names = readdirSync(sources).filter((name) => name.endsWith('.cc'));
  } catch {
    return `there are no sources in ${sources}; build the package (npm run build:kernels)`;
  }
  const target = join(dirname(output), KERNELS_FILE);
  const args = kernelArguments({ ...compilation, output: target, sources }, names, process.platform, process.arch);
  const finished = await runProgram(compiler, args, { env, signal });
  return finished.status === 0 ? null : tailOf(finished);
}

/** The compiler's arguments. No option lets results differ from those of the code as it stands, but for fused multiply-add. */
export function kernelArguments(
  compilation: Compilation,
  names: ReadonlyArray<string>,
  platform: NodeJS.Platform,
  arch: string,
): string[] {
  const { sources, nodeHeaders, library } = compilation;
  return [
    ...['-O3', '-march=native', '-fopenmp-simd', '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=fast'],
    ...(arch === 'x64' ? ['-mprefer-vector-width=512'] : []),
    ...['-I', sources, '-I', nodeHeaders, '-I', library.include],
    ...names.map((name) => join(sources, name)),
    ...linkTo(compilation, platform),
    '-pthread',
  ];
}
