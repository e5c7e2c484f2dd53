// Compiles tfjs-node's binding, as it comes, against a TensorFlow library. Node-API keeps it fit for every later Node.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { FourfoldError } from '../../core/errors.ts';
import { HUSH_FILE, HUSH_SOURCE } from './hushModule.ts';
import type { Library } from './library.ts';
import type { Environment } from './prerequisites.ts';
import { runProgram, tailOf } from './runProgram.ts';

/** The version of Node-API that the binding is compiled for: in every Node from 12.22 on. */
const NODE_API = 8;

export interface Compilation {
  compiler: string;
  /** Folder of tfjs-node's `binding` sources. */
  sources: string;
  nodeHeaders: string;
  library: Library;
  /** The file to make. */
  output: string;
  /** Whether the library moves together with the output, so that it is looked for relative to it. */
  isBeside: boolean;
  env: Environment;
  signal?: AbortSignal | undefined;
}

/** @throws unsupported where the compiler refuses, with its last lines */
export async function compileBinding(compilation: Compilation): Promise<void> {
  const { compiler, env, signal, output, nodeHeaders } = compilation;
  mkdirSync(dirname(output), { recursive: true });
  const finished = await runProgram(compiler, compilerArguments(compilation, process.platform), { env, signal });
  if (finished.status === 0) {
    const source = join(dirname(output), 'hush.cc');
    writeFileSync(source, HUSH_SOURCE);
    // Where this one fails, TensorFlow is a little louder.
    const hush = ['-O2', '-I', nodeHeaders, source, '-o', join(dirname(output), HUSH_FILE)];
    await runProgram(compiler, [...common(process.platform), ...hush], { env, signal });
    return;
  }
  throw new FourfoldError(
    'unsupported',
    `Expected ${compiler} to compile tfjs-node's binding against ${compilation.library.folder}; it says:\n${tailOf(finished)}\nA C++17 compiler is needed (GCC 9 or Clang 10, or newer); set CXX to name another one.`,
  );
}

/** The arguments that make a native module of Node. */
const common = (platform: NodeJS.Platform): string[] => [
  ...['-std=c++17', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${NODE_API}`],
  ...(platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
];

/** The arguments that make a native module of Node which finds the library at run time. */
export function linkTo(
  { library, output, isBeside }: Pick<Compilation, 'library' | 'output' | 'isBeside'>,
  platform: NodeJS.Platform,
): string[] {
  const origin = platform === 'darwin' ? '@loader_path' : '$ORIGIN';
  const place = isBeside ? `${origin}/${relative(dirname(output), library.folder)}` : library.folder;
  return [
    ...common(platform),
    ...library.files.map((name) => join(library.folder, name)),
    ...['-o', output, `-Wl,-rpath,${place}`],
  ];
}

/** The compiler's arguments. */
export function compilerArguments(compilation: Compilation, platform: NodeJS.Platform): string[] {
  const { sources, nodeHeaders, library } = compilation;
  return [
    '-O2',
    ...['-I', nodeHeaders, '-I', library.include],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(sources, name)),
    ...linkTo(compilation, platform),
  ];
}
