// Where the package's own files (bundled data, compiled kernels, the built page) lie, from source or from dist.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'fourfold') return folder;
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error('fourfold: package.json was not found above the code; reinstall the package.');
    folder = parent;
  }
}

/** The package's version, as package.json has it. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string };
  return version;
}

let root: string | null = null;

/** Absolute path of a file of the package, from parts relative to its root. */
export function packagePath(...parts: string[]): string {
  root ??= findRoot();
  return join(root, ...parts);
}
