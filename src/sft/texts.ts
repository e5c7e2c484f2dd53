// Plain text for the tokenizer and for pretraining: files and folders in, documents out.
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import { parseJsonl, readTextFile } from '../core/jsonl.ts';
import { PromptLine } from '../core/records.ts';

export interface Documents {
  documents: string[];
  /** SHA-256 of each file read, for the lineage: by its name, or by its path where another file has the name. */
  files: Record<string, string>;
}

async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => name.endsWith('.txt')).sort();
    return names.map((name) => join(path, name));
  } catch (error) {
    throw asStorageError(error, path, 'read');
  }
}

/** A prompt file gives its training prompts, each followed by its demonstration; held-out ones are never read. */
function documentsOf(text: string, path: string): string[] {
  if (!path.endsWith('.jsonl')) {
    return text
      .split(/\n\s*\n/)
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
  return parseJsonl(text, PromptLine, path)
    .filter((prompt) => prompt.split === 'train')
    .map((prompt) =>
      [...prompt.messages.map((message) => message.content), prompt.demonstration ?? []].flat().join('\n'),
    );
}

/**
 * Reads documents: paragraphs of text files (a blank line parts them), texts of .jsonl prompt files.
 * @throws not-found, bad-input where there is no text at all.
 */
export async function readDocuments(paths: ReadonlyArray<string>): Promise<Documents> {
  const result: Documents = { documents: [], files: {} };
  for (const path of (await Promise.all(paths.map(filesOf))).flat()) {
    const text = await readTextFile(path);
    const name = basename(path);
    result.files[name in result.files ? path : name] = sha256(text);
    result.documents.push(...documentsOf(text, path));
  }
  if (result.documents.length === 0)
    throw new FourfoldError('bad-input', `Expected text in ${paths.join(', ')}, found none.`);
  return result;
}
