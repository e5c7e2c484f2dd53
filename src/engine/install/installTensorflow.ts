// Installs TensorFlow's native library for the back end `tensorflow`: library, binding, JavaScript, proof that it works.
// All of it is made in a folder of its own and renamed at the end, so an installation is whole or not there.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { asStorageError, FourfoldError } from '../../core/errors.ts';
import { compileBinding } from './compileBinding.ts';
import { compileKernels, processorFeatures, sourcesFingerprint } from './compileKernels.ts';
import { type Installation, installationFile, PLATFORM, readInstallation, tensorflowFolder } from './installation.ts';
import { findLibrary, installWheel, pruneSite, wheelName } from './library.ts';
import { fetchPackage } from './npmPackage.ts';
import { type Environment, findNodeHeaders, findPrerequisites, type Programs } from './prerequisites.ts';
import { runProgram } from './runProgram.ts';

export interface InstallOptions {
  /** The per-user folder; see fourfoldHome. */
  home: string;
  env: Environment;
  cuda: boolean;
  /** A folder with the library and its headers, or null for the wheels of PyPI. */
  libtensorflow: string | null;
  /** A Python by path, or null for the one on the PATH. */
  python: string | null;
  /** Starts the back end of the given home in a fresh process and checks it; the version of TensorFlow. */
  verify: (home: string, signal: AbortSignal | undefined) => Promise<string>;
  /** Told before each of the steps, and with every second that one lasts. */
  onStep?: (step: number, words: string) => void;
  signal?: AbortSignal | undefined;
}

export const INSTALL_STEPS = 4;

const GIB = 2 ** 30;
/** What an installation takes while it is made: the wheel, what is in it, and for CUDA its libraries too. */
const BYTES = { cpu: 2 * GIB, cuda: 12 * GIB, given: GIB / 64 };

/**
 * Installs, unless the same is installed already.
 * @returns the installation, and whether it was there before
 * @throws unsupported (something is missing, or it does not work), server-failed, storage-failed, conflict, interrupted
 */
export async function installTensorflow(
  options: InstallOptions,
): Promise<{ installation: Installation; isNew: boolean }> {
  const { home, cuda, libtensorflow } = options;
  const folder = tensorflowFolder(home);
  const source = libtensorflow === null ? `${wheelName(cuda, PLATFORM)} from PyPI` : libtensorflow;
  const present = readInstallation(folder);
  if (present !== null) {
    if (present.source === source && present.platform === PLATFORM && present.tfjsNode.version === tfjsVersion()) {
      return { installation: present, isNew: false };
    }
    throw new FourfoldError(
      'conflict',
      `Expected no other TensorFlow in ${folder}; there is ${present.tensorflow} (${present.source}, tfjs-node ${present.tfjsNode.version}, ${present.platform}). Run first: fourfold engine remove tensorflow`,
    );
  }
  if (process.platform === 'win32') {
    throw new FourfoldError('unsupported', 'Expected Linux or macOS; the installer does not serve Windows. Use WSL.');
  }
  const staging = join(home, `staging-${process.pid}`);
  try {
    sweep(home);
    const installation = await make(options, staging, source);
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(tensorflowFolder(staging), folder);
    return { installation, isNew: true };
  } catch (error) {
    throw asStorageError(error, home, 'write', 'set FOURFOLD_HOME to another folder');
  } finally {
    if (existsSync(staging)) rmSync(staging, { recursive: true, force: true });
  }
}

/** Removes what is installed; whether anything was. */
export function removeTensorflow(home: string): boolean {
  const folder = tensorflowFolder(home);
  // Renamed first, so that what is left of an interrupted removal is no installation.
  const aside = join(home, `staging-${process.pid}`);
  try {
    sweep(home);
    if (!existsSync(folder)) return false;
    mkdirSync(aside, { recursive: true });
    renameSync(folder, join(aside, 'removed'));
    rmSync(aside, { recursive: true });
  } catch (error) {
    throw asStorageError(error, folder, 'write', 'check who owns it');
  }
  return true;
}

async function make(options: InstallOptions, staging: string, source: string): Promise<Installation> {
  const { env, signal, cuda, libtensorflow } = options;
  const folder = tensorflowFolder(staging);
  const given = libtensorflow === null ? null : findLibrary(libtensorflow);
  const copied = packageFolder('@tensorflow/tfjs-node-gpu');
  const headers = findNodeHeaders(env);
  const size = given !== null ? BYTES.given : cuda ? BYTES.cuda : BYTES.cpu;
  const programs = await findPrerequisites({
    ...{ env, signal, home: options.home, python: options.python },
    ...{ usesPip: given === null, usesNpm: true, bytes: size },
  });
  mkdirSync(folder, { recursive: true });
  const step = stepper(options);

  const name = wheelName(cuda, PLATFORM);
  const library =
    given ??
    (await step(1, `downloading ${name}`, () =>
      installWheel({ ...{ python: programs.python }, folder, name, env, signal }),
    ));
  const tfjsNode = await step(2, 'fetching the binding’s sources', () =>
    fetchJavaScript(options, folder, copied, programs),
  );
  const binding = join(folder, 'binding', 'tfjs_binding.node');
  const refused = await step(3, 'compiling the binding and the kernels', async () => {
    const nodeHeaders = headers ?? (await fetchHeaders(options, folder, programs));
    const compilation = {
      ...{ compiler: programs.compiler, nodeHeaders, library },
      ...{ output: binding, isBeside: given === null, env, signal },
    };
    await compileBinding({ ...compilation, sources: join(folder, ...TFJS_NODE, 'binding') });
    return compileKernels(compilation);
  });
  const written: Installation = {
    ...{ format: 1, tensorflow: 'unknown', source, cuda, tfjsNode, binding: relative(folder, binding) },
    kernels: refused === null ? { processor: processorFeatures(), sources: sourcesFingerprint() } : { refused },
    ...{ compiler: await versionOf(programs.compiler, env), node: process.version, platform: PLATFORM },
    installedAt: new Date().toISOString(),
  };
  const write = (installation: Installation): Installation => {
    writeFileSync(installationFile(folder), `${JSON.stringify(installation, null, 2)}\n`);
    return installation;
  };
  if (given === null) pruneSite(folder);
  return step(4, 'checking a product and a gradient', async () => {
    write(written);
    return write({ ...written, tensorflow: await options.verify(staging, signal) });
  });
}

const TFJS_NODE = ['node_modules', '@tensorflow', 'tfjs-node'];

/** tfjs-node's JavaScript and binding sources, the one package that its JavaScript needs, and the stand-in for tfjs. */
async function fetchJavaScript(
  { env, signal }: InstallOptions,
  folder: string,
  copied: string | null,
  { npm, tar }: Programs,
): Promise<Installation['tfjsNode']> {
  const version = tfjsVersion();
  const target = join(folder, ...TFJS_NODE);
  let integrity: string | null = null;
  if (copied === null) {
    integrity = await fetchPackage({ spec: `@tensorflow/tfjs-node@${version}`, folder: target, npm, tar, env, signal });
  } else {
    for (const part of ['dist', 'binding', 'package.json']) {
      cpSync(join(copied, part), join(target, part), { recursive: true });
    }
  }
  const protobuf = join(folder, 'node_modules', 'google-protobuf');
  await fetchPackage({ spec: 'google-protobuf@^3.9.2', folder: protobuf, npm, tar, env, signal });
  // Its JavaScript asks for the union package, and once for the core; it gets the one tfjs-core of this program for
  // both, which startInstalled hands over.
  for (const name of ['tfjs', 'tfjs-core']) {
    const standIn = join(folder, 'node_modules', '@tensorflow', name);
    mkdirSync(standIn, { recursive: true });
    const manifest = { name: `@tensorflow/${name}`, version, main: 'index.js' };
    writeFileSync(join(standIn, 'package.json'), `${JSON.stringify(manifest)}\n`);
    writeFileSync(join(standIn, 'index.js'), "module.exports = globalThis[Symbol.for('fourfold.tfjs')];\n");
  }
  return { version, integrity };
}

async function fetchHeaders({ env, signal }: InstallOptions, folder: string, { npm, tar }: Programs): Promise<string> {
  const target = join(folder, 'node_modules', 'node-api-headers');
  await fetchPackage({ spec: 'node-api-headers@^1', folder: target, npm, tar, env, signal });
  return join(target, 'include');
}

/** The version of tfjs that this program runs, which tfjs-node's must be too. */
function tfjsVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('@tensorflow/tfjs-core/package.json');
  return String((manifest as { version: unknown }).version);
}

/** The folder of an installed package of our version with the binding's sources and JavaScript, or null. */
function packageFolder(name: string): string | null {
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve(`${name}/package.json`);
    const folder = dirname(manifest);
    const isOurs = (require(manifest) as { version: unknown }).version === tfjsVersion();
    return isOurs && existsSync(join(folder, 'binding')) && existsSync(join(folder, 'dist')) ? folder : null;
  } catch {
    return null;
  }
}

async function versionOf(compiler: string, env: Environment): Promise<string> {
  const { stdout } = await runProgram(compiler, ['--version'], { env });
  return stdout.split('\n')[0]?.trim() ?? compiler;
}

/** Runs a step, telling of it at its start and each second. */
function stepper({ onStep }: InstallOptions) {
  return async <T>(step: number, words: string, work: () => Promise<T>): Promise<T> => {
    onStep?.(step, words);
    const ticking = setInterval(() => onStep?.(step, words), 1000);
    try {
      return await work();
    } finally {
      clearInterval(ticking);
    }
  };
}

/** Removes what installations that were killed have left. */
function sweep(home: string): void {
  if (!existsSync(home)) return;
  for (const name of readdirSync(home)) {
    const pid = /^staging-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(home, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
