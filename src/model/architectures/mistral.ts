// Mistral (Jiang et al. 2023): Llama with a sliding window.
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import { type Architecture, contextLength, positive, slidingOf } from './fields.ts';
import { DECODER_FIELDS, decoderConfig } from './llama.ts';

const MistralFields = z.looseObject({
  ...DECODER_FIELDS,
  num_key_value_heads: positive.nullable().default(8),
  max_position_embeddings: contextLength.default(131_072),
  hidden_act: z.string().default('silu'),
  sliding_window: positive.nullable().default(4096),
});

export const mistral: Architecture = {
  modelType: 'mistral',
  causalLm: 'MistralForCausalLM',
  classifier: 'MistralForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(MistralFields, value, where);
    const allLayers = new Array<boolean>(fields.num_hidden_layers).fill(true);
    return {
      ...decoderConfig(fields, where, { modelType: 'mistral', activation: fields.hidden_act }),
      ...slidingOf(null, fields.sliding_window, allLayers),
    };
  },
};
