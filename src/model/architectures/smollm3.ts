// SmolLM3: Llama in which every fourth layer has no positions (NoPE: Kazemnejad et al. 2023).
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import { type Architecture, contextLength, positive, refuse, slidingOf } from './fields.ts';
import { DECODER_FIELDS, decoderConfig } from './llama.ts';

const SmolLm3Fields = z.looseObject({
  ...DECODER_FIELDS,
  num_key_value_heads: positive.nullable().default(4),
  max_position_embeddings: contextLength.default(32_768),
  tie_word_embeddings: z.boolean().default(true),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  sliding_window: positive.nullish(),
  layer_types: z.array(z.string()).nullish(),
  /** 1 where a layer has rotary positions. */
  no_rope_layers: z.array(z.union([z.int().min(0).max(1), z.boolean()])).nullish(),
  no_rope_layer_interval: positive.default(4),
});

export const smollm3: Architecture = {
  modelType: 'smollm3',
  causalLm: 'SmolLM3ForCausalLM',
  classifier: 'SmolLM3ForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(SmolLm3Fields, value, where);
    const { num_hidden_layers: layers, attention_bias: hasBias, no_rope_layer_interval: interval } = fields;
    const rotaryLayers =
      fields.no_rope_layers?.map(Boolean) ?? Array.from({ length: layers }, (_, layer) => (layer + 1) % interval !== 0);
    if (rotaryLayers.length !== layers) {
      refuse('no_rope_layers', rotaryLayers.length, `to have num_hidden_layers (${layers}) entries`);
    }
    const window = fields.use_sliding_window ? fields.sliding_window : null;
    const defaults = { modelType: 'smollm3', activation: fields.hidden_act, ropeTheta: 2_000_000 };
    return {
      ...decoderConfig(fields, where, defaults),
      ...slidingOf(
        fields.layer_types,
        window,
        rotaryLayers.map((isRotary) => !isRotary),
      ),
      rotaryLayers,
      biases: { attentionInput: hasBias, attentionOutput: hasBias, feedForward: fields.mlp_bias, output: false },
    };
  },
};
