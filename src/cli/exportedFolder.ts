// What an exported folder has beyond the artefact's own files: the card, and generation_config.json, by which other programs
// know which tokens begin, end and pad a reply.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FourfoldError } from '../core/errors.ts';
import type { Artifacts } from '../store/artifacts.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { type ModelArtifact, modelCard } from './modelCard.ts';

const GENERATION_CONFIG = 'generation_config.json';

async function writeGenerationConfig(dir: string): Promise<void> {
  if (existsSync(join(dir, GENERATION_CONFIG)) || !existsSync(join(dir, 'tokenizer.json'))) return;
  // A tokenizer that this program cannot read still leaves with its model.
  const tokenizer = await loadTokenizer(dir).catch((error: unknown) => {
    if (error instanceof FourfoldError) return null;
    throw error;
  });
  if (tokenizer === null) return;
  const { bosId, stopIds, padId } = tokenizer;
  const [only, ...others] = stopIds;
  const config = {
    ...(bosId === null ? {} : { bos_token_id: bosId }),
    ...(only === undefined ? {} : { eos_token_id: others.length === 0 ? only : stopIds }),
    ...(padId === null ? {} : { pad_token_id: padId }),
  };
  await writeFile(join(dir, GENERATION_CONFIG), `${JSON.stringify(config, null, 2)}\n`);
}

/** Completes a folder into which the artefact's files were written. */
export async function completeExport(artifacts: Artifacts, artifact: ModelArtifact, dir: string): Promise<void> {
  const isAdapter = existsSync(join(dir, 'adapter_config.json'));
  if (artifact.kind === 'model' && !isAdapter) await writeGenerationConfig(dir);
  await writeFile(join(dir, 'README.md'), await modelCard(artifacts, artifact, isAdapter));
}
