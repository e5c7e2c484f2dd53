// Checks an installation in a process of its own, through the command that anyone may run: fourfold engine verify.
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import { packagePath } from '../../core/packageRoot.ts';
import type { Environment } from './prerequisites.ts';
import { runProgram, tailOf } from './runProgram.ts';

const Verified = z.object({ version: z.string() });

/**
 * @param home the per-user folder in which the installation lies
 * @returns the version of TensorFlow
 * @throws unsupported where it does not start or computes wrongly, with what it says
 */
export async function verifyInProcess(
  home: string,
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<string> {
  const args = [packagePath('bin', 'fourfold.js'), 'engine', 'verify', '--backend', 'tensorflow', '--json', '--quiet'];
  const finished = await runProgram(process.execPath, args, { env: { ...env, FOURFOLD_HOME: home }, signal });
  if (finished.status === 0) return Verified.parse(JSON.parse(finished.stdout)).version;
  throw new FourfoldError(
    'unsupported',
    `Expected the new library to compute a product and a gradient; it says:\n${tailOf(finished)}\nNothing was installed.`,
  );
}
