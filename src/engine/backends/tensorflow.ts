// The `tensorflow` back end: the native library through @tensorflow/tfjs-node-gpu, an optional package.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '../tf.ts';

const PACKAGE: string = '@tensorflow/tfjs-node-gpu';

/** Starts native TensorFlow; throws with the reason where the package or its library is absent or fails. */
export async function startTensorflow(): Promise<void> {
  const require = createRequire(import.meta.url);
  if (findBinding(require) === null) {
    throw new Error('the native library is absent (the optional package is not installed, or was not built)');
  }
  const util: { isNullOrUndefined?: (value: unknown) => boolean } = require('node:util');
  // Node 23 removed util.isNullOrUndefined, which the package still calls.
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  await import(PACKAGE);
  if (!(await tf.setBackend('tensorflow'))) throw new Error('tfjs refused to start it');
}

/** The folder of the compiled binding, or null: looked for first, since importing the package takes a second. */
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
