// Fetches one npm package by npm itself, without its dependencies and without running its scripts.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FourfoldError } from '../../core/errors.ts';
import type { Environment } from './prerequisites.ts';
import { runProgram, tailOf } from './runProgram.ts';

export interface Fetch {
  /** `@tensorflow/tfjs-node@4.22.0` */
  spec: string;
  /** Where the package's files go; made here. */
  folder: string;
  npm: string;
  tar: string;
  env: Environment;
  signal?: AbortSignal | undefined;
}

/**
 * Unpacks the package into `folder`. npm checks the archive against the registry's own checksum.
 * @returns the archive's SHA-512 in the form of package-lock.json
 * @throws server-failed where npm cannot get it
 */
export async function fetchPackage({ spec, folder, npm, tar, env, signal }: Fetch): Promise<string> {
  const archives = `${folder}.archive`;
  mkdirSync(archives, { recursive: true });
  const packed = await runProgram(npm, ['pack', spec, '--pack-destination', archives, '--ignore-scripts', '--silent'], {
    ...{ env, signal, cwd: archives },
  });
  const archive = readdirSync(archives).find((name) => name.endsWith('.tgz'));
  if (packed.status !== 0 || archive === undefined) {
    throw new FourfoldError(
      'server-failed',
      `npm could not fetch ${spec}; it says:\n${tailOf(packed)}\nCheck the network and npm's registry (npm config get registry).`,
    );
  }
  const path = join(archives, archive);
  mkdirSync(folder, { recursive: true });
  const unpacked = await runProgram(tar, ['-xzf', path, '-C', folder, '--strip-components', '1'], { env, signal });
  if (unpacked.status !== 0) {
    throw new FourfoldError('storage-failed', `tar could not unpack ${spec}; it says:\n${tailOf(unpacked)}`);
  }
  const digest = createHash('sha512').update(readFileSync(path)).digest('base64');
  rmSync(archives, { recursive: true });
  return `sha512-${digest}`;
}
