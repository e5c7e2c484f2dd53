// The `tensorflow` back end: the native library, from `fourfold engine install tensorflow`, or from the optional package
// @tensorflow/tfjs-node-gpu where its own install script could download one.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { KERNELS_FILE, processorFeatures, sourcesFingerprint, whyWithoutKernels } from '../install/compileKernels.ts';
import { HUSH_FILE } from '../install/hushModule.ts';
import {
  fourfoldHome,
  type Installation,
  PLATFORM,
  readInstallation,
  tensorflowFolder,
} from '../install/installation.ts';
import { defineTensorflowKernels } from '../tensorflow/kernels.ts';
import { type NativeModule, setNative } from '../tensorflow/native.ts';
import { quietly, setHush } from '../tensorflow/quietly.ts';
import type { Binding, NodeBackend } from '../tensorflow/raw.ts';
import * as tf from '../tf.ts';

const PACKAGE: string = '@tensorflow/tfjs-node-gpu';
/** Where the installed JavaScript, in place of the union package, finds this program's own tfjs-core. */
const TFJS = Symbol.for('fourfold.tfjs');

/** What runs, for those who ask. */
export interface RunningTensorflow {
  version: string;
  /** Folder of the library's installation or package. */
  folder: string;
  isGpu: boolean;
}

let running: RunningTensorflow | null = null;

interface StartOptions {
  /** Of its operations; all cores where null. The first start settles it. */
  threads: number | null;
  /** Receives one line where our own kernels fell away. */
  note?: ((line: string) => void) | undefined;
}

/** Starts native TensorFlow; throws with the reason where its library is absent or fails. */
export async function startTensorflow(options: StartOptions = { threads: null }): Promise<void> {
  const { threads } = options;
  if (running === null) {
    // TensorFlow reads these when it is loaded: what it says of the processor is news to no one.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    if (threads !== null && threads > 0) process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
    // A graph's operations one after another: handing small ones to other threads takes longer than they do.
    process.env.TF_NUM_INTEROP_THREADS ??= '1';
    running = (await startInstalled(options)) ?? (await startPackage());
  }
  if (!(await tf.setBackend('tensorflow'))) throw new Error('tfjs refused to start it');
  defineTensorflowKernels();
}

/** The library that runs, or null before a start. */
export function runningTensorflow(): RunningTensorflow | null {
  return running;
}

/** Loads our own kernels. @returns null, or why they are not there or do not fit */
function loadKernels(
  { kernels }: Installation,
  path: string,
  { require, threads }: Pick<StartOptions, 'threads'> & { require: NodeJS.Require },
): string | null {
  const reason = whyWithoutKernels(kernels, processorFeatures(), sourcesFingerprint());
  if (reason !== null) return reason;
  try {
    const module: NativeModule = require(path);
    module.setThreads(threads ?? availableParallelism());
    module.releasePages();
    setNative(module);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function startInstalled(options: StartOptions): Promise<RunningTensorflow | null> {
  const folder = tensorflowFolder(fourfoldHome(process.env));
  const installation = readInstallation(folder);
  if (installation === null) return null;
  if (installation.platform !== PLATFORM) {
    throw new Error(`what is installed in ${folder} is for ${installation.platform}, and this is ${PLATFORM}`);
  }
  const require = createRequire(import.meta.url);
  restoreUtil(require);
  Reflect.set(globalThis, TFJS, require('@tensorflow/tfjs-core'));
  const ofPackage = createRequire(join(folder, 'node_modules', '@tensorflow', 'tfjs-node', 'package.json'));
  const { NodeJSKernelBackend }: { NodeJSKernelBackend: new (binding: Binding, name: string) => NodeBackend } =
    ofPackage('./dist/nodejs_kernel_backend.js');
  ofPackage('./dist/register_all_kernels.js');
  const path = join(folder, installation.binding);
  const hushPath = join(dirname(path), HUSH_FILE);
  setHush(process.env.FOURFOLD_DEBUG === undefined && existsSync(hushPath) ? ofPackage(hushPath) : null);
  const binding: Binding = quietly(() => ofPackage(path));
  const backend = new NodeJSKernelBackend(binding, installation.cuda ? PACKAGE : '@tensorflow/tfjs-node');
  tf.registerBackend('tensorflow', () => backend);
  if (!backend.isUsingGpuDevice) {
    const given = { require: ofPackage, threads: options.threads };
    const lacking = loadKernels(installation, join(dirname(path), KERNELS_FILE), given);
    if (lacking !== null) options.note?.(`tensorflow goes without our own kernels, and is slower: ${lacking}`);
  }
  return { version: binding.TF_Version, folder, isGpu: backend.isUsingGpuDevice };
}

async function startPackage(): Promise<RunningTensorflow> {
  const require = createRequire(import.meta.url);
  const library = findBinding(require);
  if (library === null) throw new Error('the native library is not installed');
  restoreUtil(require);
  await import(PACKAGE);
  await tf.setBackend('tensorflow');
  const backend = tf.backend() as NodeBackend;
  return { version: backend.binding.TF_Version, folder: library, isGpu: backend.isUsingGpuDevice };
}

/** tfjs-node calls these of Node's util. Node 22 warns of the first, and Node 23 has it no longer. */
function restoreUtil(require: NodeJS.Require): void {
  const util: Record<string, unknown> = require('node:util');
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  util.isArray = Array.isArray;
}

/** The folder of the package's compiled binding, or null: looked for first, since importing the package takes a second. */
function findBinding(require: NodeJS.Require): string | null {
  let library: string;
  try {
    library = join(dirname(require.resolve(`${PACKAGE}/package.json`)), 'lib');
  } catch {
    return null;
  }
  if (!existsSync(library)) return null;
  const folders = readdirSync(library).map((name) => join(library, name));
  return folders.find((folder) => existsSync(join(folder, 'tfjs_binding.node'))) ?? null;
}
