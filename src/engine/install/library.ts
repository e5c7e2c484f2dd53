// TensorFlow's own library and C headers: from PyPI's wheels by pip, or from a folder that the user has.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FourfoldError } from '../../core/errors.ts';
import type { Environment } from './prerequisites.ts';
import { runProgram, tailOf } from './runProgram.ts';

export interface Library {
  /** Folder with the library's files. */
  folder: string;
  /** File names of the library and, where it is apart, of its framework. */
  files: string[];
  /** Folder with tensorflow/c/c_api.h. */
  include: string;
}

/** The library itself; the first of these that a folder has. Wheels carry the first, the C archives the others. */
const MAIN = [
  'libtensorflow_cc.so.2',
  'libtensorflow_cc.so',
  'libtensorflow.so.2',
  'libtensorflow.so',
  'libtensorflow_cc.2.dylib',
  'libtensorflow.2.dylib',
  'libtensorflow.dylib',
];
const FRAMEWORK = [
  'libtensorflow_framework.so.2',
  'libtensorflow_framework.so',
  'libtensorflow_framework.2.dylib',
  'libtensorflow_framework.dylib',
];
const HEADER = join('tensorflow', 'c', 'eager', 'c_api.h');

/** Finds library and headers in a folder, in its `lib` and `include`, or in a Python package. @throws bad-input */
export function findLibrary(given: string): Library {
  const root = resolve(given);
  const folders = ['', 'lib', 'tensorflow'].map((name) => join(root, name));
  const has = (folder: string, names: string[]): string | undefined =>
    names.find((name) => existsSync(join(folder, name)));
  const folder = folders.find((place) => has(place, MAIN) !== undefined);
  const include = [join(root, 'include'), join(root, '..', 'include'), join(root, 'tensorflow', 'include')].find(
    (place) => existsSync(join(place, HEADER)),
  );
  if (folder === undefined || include === undefined) {
    const absent = [
      ...(folder === undefined ? [`library (${MAIN.slice(0, 4).join(', ')})`] : []),
      ...(include === undefined ? [`C headers (include/${HEADER})`] : []),
    ];
    throw new FourfoldError(
      'bad-input',
      `Expected TensorFlow's library and headers in ${root}; there is no ${absent.join(' and no ')} in it or in its lib, include and tensorflow folders. Give the folder of an unpacked libtensorflow, or of the Python package tensorflow.`,
    );
  }
  const files = [has(folder, MAIN), has(folder, FRAMEWORK)].filter((name) => name !== undefined);
  return { folder, files, include };
}

/** The PyPI package: one without CUDA is published for Linux on x86-64 apart; elsewhere the plain one has none. */
export function wheelName(cuda: boolean, platform: string): string {
  if (cuda) return 'tensorflow[and-cuda]';
  return platform === 'linux-x64' ? 'tensorflow-cpu' : 'tensorflow';
}

/**
 * Installs the wheel into `folder`/site by pip. Without CUDA no other package comes with it.
 * @throws server-failed where pip cannot get it, with pip's own last lines
 */
export async function installWheel(options: {
  python: string;
  folder: string;
  name: string;
  env: Environment;
  signal?: AbortSignal | undefined;
}): Promise<Library> {
  const { python, folder, name, env, signal } = options;
  const site = join(folder, 'site');
  const isAlone = !name.includes('[');
  const args = [
    ...['-m', 'pip', 'install', '--target', site, '--only-binary', ':all:', '--no-compile'],
    ...['--progress-bar', 'off', '--no-input', '--disable-pip-version-check', '--no-warn-script-location'],
    ...(isAlone ? ['--no-deps'] : []),
    `${name}>=2.16,<3`,
  ];
  const finished = await runProgram(python, args, { env: { ...env, TMPDIR: folder }, signal });
  if (finished.status !== 0) {
    throw new FourfoldError(
      'server-failed',
      `pip could not install ${name}; it says:\n${tailOf(finished)}\nCheck the network and the package index; wheels are published for some versions of Python only, so another one (--python PATH) may help; or give a folder with the library (--libtensorflow DIR).`,
    );
  }
  return findLibrary(site);
}

/** Keeps, of an installed wheel, only what runs: the library, and CUDA's own. */
export function pruneSite(folder: string): void {
  const site = join(folder, 'site');
  for (const name of readdirSync(site)) {
    if (name !== 'tensorflow' && name !== 'nvidia' && !name.endsWith('.dist-info'))
      rmSync(join(site, name), { recursive: true });
  }
  const kept = new Set([...MAIN, ...FRAMEWORK]);
  for (const name of readdirSync(join(site, 'tensorflow'))) {
    if (!kept.has(name)) rmSync(join(site, 'tensorflow', name), { recursive: true });
  }
}
