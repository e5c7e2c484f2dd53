// What is renamed into place must be on the disk first, or a power cut leaves whole-looking files without content.
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Syncs every file below the folder to the disk. @returns their absolute paths. */
export async function syncFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths) {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
  return paths;
}
