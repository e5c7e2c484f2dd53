// Where TensorFlow's native library lies once it is installed: a folder of the user's own, outside node_modules, so that
// `npm ci` leaves it alone. A folder that is there is whole: it is made aside and renamed when all of it works.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { FourfoldError, messageOf } from '../../core/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What an installation says of itself, in `installation.json`. Paths are relative to its folder, or absolute. */
export const Installation = z.strictObject({
  format: z.literal(1),
  /** Version of TensorFlow, as its library says it. */
  tensorflow: z.string(),
  /** 'tensorflow-cpu from PyPI', or the folder that was given. */
  source: z.string(),
  cuda: z.boolean(),
  /** Version of tfjs-node's binding and JavaScript, and the SHA-512 of the package; null where it was copied. */
  tfjsNode: z.strictObject({ version: z.string(), integrity: z.string().nullable() }),
  binding: z.string(),
  /**
   * Our own kernels: what the processor they were compiled for can do and the fingerprint of their sources, or why they were
   * not. Absent where an earlier version, which had none, installed; so is the fingerprint where one did that kept none.
   */
  kernels: z
    .union([
      z.strictObject({ processor: z.array(z.string()), sources: z.string().nullable().optional() }),
      z.strictObject({ refused: z.string() }),
    ])
    .optional(),
  compiler: z.string(),
  node: z.string(),
  platform: z.string(),
  installedAt: z.iso.datetime(),
});
export type Installation = z.infer<typeof Installation>;

/** `linux-x64` */
export const PLATFORM = `${process.platform}-${process.arch}`;

/**
 * The per-user folder of what the toolkit keeps: FOURFOLD_HOME, or `fourfold` in XDG_DATA_HOME, or ~/.local/share/fourfold.
 * Relative values are passed over, as the XDG specification asks.
 */
export function fourfoldHome(env: Environment): string {
  if (env.FOURFOLD_HOME !== undefined && isAbsolute(env.FOURFOLD_HOME)) return env.FOURFOLD_HOME;
  const data = env.XDG_DATA_HOME;
  const base = data !== undefined && isAbsolute(data) ? data : join(env.HOME ?? homedir(), '.local', 'share');
  return join(base, 'fourfold');
}

/** The folder of an installed TensorFlow within a home. */
export function tensorflowFolder(home: string): string {
  return join(home, 'engine', 'tensorflow');
}

const file = (folder: string): string => join(folder, 'installation.json');

/** What is installed in `folder`, or null where nothing is. @throws bad-input where its description cannot be read */
export function readInstallation(folder: string): Installation | null {
  if (!existsSync(file(folder))) return null;
  try {
    return Installation.parse(JSON.parse(readFileSync(file(folder), 'utf8')));
  } catch (cause) {
    throw new FourfoldError(
      'bad-input',
      `Expected the description of an installed engine in ${file(folder)}, got something else (${messageOf(cause).split('\n')[0]}). Run: fourfold engine remove tensorflow; then install it again.`,
      { cause },
    );
  }
}

export const installationFile = file;
