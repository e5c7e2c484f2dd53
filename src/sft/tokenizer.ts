// `fourfold tokenizer train`: texts in, a tokenizer artefact out.
import type { ArtifactOf } from '../core/artifacts.ts';
import type { Workspace } from '../store/workspace.ts';
import { FOURFOLD_CHAT } from '../tokens/chatTemplate.ts';
import { writeTokenizer } from '../tokens/tokenizer.ts';
import { toTokenizerJson, trainBpe } from '../tokens/trainBpe.ts';
import type { TokenizerConfig } from './config.ts';
import { readDocuments } from './texts.ts';

/** Trains byte-level BPE and keeps it with the chat template that fourfold's own models use. */
export async function trainTokenizer(
  workspace: Workspace,
  config: TokenizerConfig,
  path: (given: string) => string,
): Promise<ArtifactOf<'tokenizer'>> {
  const { documents, files } = await readDocuments(config.texts.map(path));
  const { specialTokens, bosToken, eosToken, padToken, template } = FOURFOLD_CHAT;
  const bpe = trainBpe(documents, { vocabSize: config.vocabSize, specialTokens });
  return workspace.artifacts.create(
    {
      kind: 'tokenizer',
      parents: [],
      seed: 0,
      config: { ...config, sources: files },
      engine: null,
      round: 1,
      runId: null,
      metrics: { vocabSize: Object.keys(bpe.vocab).length, merges: bpe.merges.length, documents: documents.length },
    },
    (dir) =>
      writeTokenizer(dir, toTokenizerJson(bpe, specialTokens, bosToken), { bosToken, eosToken, padToken, template }),
  );
}
