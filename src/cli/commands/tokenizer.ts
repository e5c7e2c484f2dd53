// fourfold tokenizer train: a byte-level BPE of one's own texts.
import { TokenizerConfig } from '../../sft/config.ts';
import { defineCommand } from '../command.ts';

export const commands = [
  defineCommand({
    name: 'tokenizer train',
    describe: 'Train a byte-level BPE tokenizer on text',
    config: TokenizerConfig,
    printsConfig: true,
    async run({ config, workspace, path, json, print }) {
      const { trainTokenizer } = await import('../../sft/tokenizer.ts');
      const artifact = await trainTokenizer(await workspace(), config, path);
      const { vocabSize, documents } = artifact.metrics;
      print(json ? JSON.stringify(artifact) : `${artifact.id}: ${vocabSize} entries from ${documents} documents`);
    },
  }),
];
