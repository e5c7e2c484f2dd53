// The `tensorflow` back end: the native library, from `fourfold engine install tensorflow`, or from the optional package
// @tensorflow/tfjs-node-gpu where its own install script could download one.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { HUSH_FILE } from '../install/hushModule.ts';
import { fourfoldHome, PLATFORM, readInstallation, tensorflowFolder } from '../install/installation.ts';
import { defineTensorflowKernels } from '../tensorflow/kernels.ts';
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

/**
 * Starts native TensorFlow; throws with the reason where its library is absent or fails.
 * @param threads of its operations; null leaves it to TensorFlow, which takes all cores. The first start settles it.
 */
export async function startTensorflow(threads: number | null = null): Promise<void> {
  if (running === null) {
    // TensorFlow reads these when it is loaded: what it says of the processor is news to no one.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    if (threads !== null && threads > 0) process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
    // A graph's operations one after another: handing small ones to other threads takes longer than they do.
    process.env.TF_NUM_INTEROP_THREADS ??= '1';
    running = (await startInstalled()) ?? (await startPackage());
  }
  if (!(await tf.setBackend('tensorflow'))) throw new Error('tfjs refused to start it');
  defineTensorflowKernels();
}

/** The library that runs, or null before a start. */
export function runningTensorflow(): RunningTensorflow | null {
  return running;
}

async function startInstalled(): Promise<RunningTensorflow | null> {
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
