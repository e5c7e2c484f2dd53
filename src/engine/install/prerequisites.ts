// What an installation needs of the machine: Python with pip, npm, tar, a C++ compiler, Node's headers, room on the disk.
// Each is looked for before anything is downloaded, and what is missing is said all at once, with how to get it.
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { asStorageError, FourfoldError } from '../../core/errors.ts';
import { runProgram } from './runProgram.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Needs {
  env: Environment;
  home: string;
  /** A Python by path; looked for on the PATH where null. */
  python: string | null;
  /** Whether pip downloads the library; false where a folder with it was given. */
  usesPip: boolean;
  /** Whether npm fetches tfjs-node and Node's headers. */
  usesNpm: boolean;
  /** Bytes that the installation takes while it is being made. */
  bytes: number;
  signal?: AbortSignal | undefined;
}

export interface Programs {
  python: string;
  compiler: string;
  npm: string;
  tar: string;
}

const MIB = 2 ** 20;

/** Absolute path of the first of `names` that is an executable file on the PATH, or null. */
export function findProgram(names: ReadonlyArray<string>, env: Environment): string | null {
  for (const name of names) {
    const places = name.includes('/') ? [name] : (env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
    for (const place of places) {
      try {
        accessSync(place, constants.X_OK);
        return place;
      } catch {
        // not here
      }
    }
  }
  return null;
}

/** The folder with node_api.h: Node's own, or null where none is installed. */
export function findNodeHeaders(env: Environment): string | null {
  const prefixes = [dirname(dirname(process.execPath)), env.npm_config_nodedir, '/usr', '/usr/local'];
  for (const prefix of prefixes) {
    if (prefix === undefined) continue;
    const folder = join(prefix, 'include', 'node');
    if (existsSync(join(folder, 'node_api.h'))) return folder;
  }
  return null;
}

/**
 * The programs that are needed.
 * @throws unsupported, naming everything that is missing; storage-failed where the disk has no room
 */
export async function findPrerequisites(needs: Needs): Promise<Programs> {
  const { env, signal } = needs;
  const missing: string[] = [];
  const look = (names: ReadonlyArray<string>, isNeeded: boolean, words: string): string => {
    const found = isNeeded ? findProgram(names, env) : null;
    if (isNeeded && found === null) missing.push(words);
    return found ?? '';
  };
  const python = look(
    needs.python === null ? ['python3', 'python'] : [needs.python],
    needs.usesPip,
    needs.python === null
      ? 'Python 3 (Debian and Ubuntu: apt-get install python3 python3-pip; or name one with --python PATH)'
      : `a Python at ${needs.python}, as --python says`,
  );
  if (python !== '') {
    const pip = await runProgram(python, ['-m', 'pip', '--version'], { env, signal });
    if (pip.status !== 0) {
      missing.push(`pip for ${python} (apt-get install python3-pip, or: ${python} -m ensurepip; or another --python)`);
    }
  }
  const named = env.CXX === undefined || env.CXX === '' ? [] : [env.CXX];
  const compiler = look(
    [...named, 'c++', 'g++', 'clang++'],
    true,
    'a C++ compiler: c++, g++ or clang++ (apt-get install g++; macOS: xcode-select --install; or set CXX)',
  );
  const npm = look(['npm'], needs.usesNpm, 'npm, which comes with Node');
  const tar = look(['tar'], needs.usesNpm, 'tar');
  if (missing.length > 0) {
    throw new FourfoldError(
      'unsupported',
      `Expected what it takes to install TensorFlow; missing: ${missing.join('; ')}. Nothing was downloaded.`,
    );
  }
  expectRoom(needs.home, needs.bytes);
  return { python, compiler, npm, tar };
}

function expectRoom(home: string, bytes: number): void {
  let free: number;
  try {
    mkdirSync(home, { recursive: true });
    accessSync(home, constants.W_OK);
    const { bavail, bsize } = statfsSync(home);
    free = bavail * bsize;
  } catch (error) {
    throw asStorageError(error, home, 'write', 'set FOURFOLD_HOME to another folder');
  }
  if (free >= bytes) return;
  throw new FourfoldError(
    'storage-failed',
    `Expected ${Math.ceil(bytes / MIB)} MiB free for the installation in ${home}, got ${Math.floor(free / MIB)} MiB. Free some space, or set FOURFOLD_HOME to a folder on another disk.`,
  );
}
