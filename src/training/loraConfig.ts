// The options of adapters that all trainers share, and what they ask for. Defaults: every linear module of the layers, as
// Dettmers et al. (2023, QLoRA, section 4) found to be needed to match full fine-tuning; alpha is twice the rank.
import { z } from 'zod';
import { QUANTIZATIONS } from '../core/quantization.ts';

export const quantizeKeys = {
  quantize: z.enum(QUANTIZATIONS).optional().describe('Hold frozen linear weights as int8; float32 where absent'),
};

/** The keys that nothing reads without a rank, with the values that say nothing. */
export const LORA_NEEDS_RANK = {
  loraAlpha: undefined,
  loraTargets: undefined,
  loraDropout: 0,
  loraRslora: undefined,
} as const;

export const loraKeys = {
  loraRank: z.int().min(1).optional().describe('Train a low-rank adapter of this rank on the frozen model'),
  loraAlpha: z.number().gt(0).optional().describe("The adapter's scale is alpha / rank; twice the rank where absent"),
  loraTargets: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Modules with an adapter: ends of names, or one regular expression, or all-linear, which is the default'),
  loraDropout: z.number().min(0).lt(1).default(0).describe("Dropout on the adapter's input while training"),
  loraRslora: z.boolean().optional().describe('Scale by alpha / sqrt(rank) instead (rsLoRA)'),
  ...quantizeKeys,
};

const LoraOptions = z.object(loraKeys);

/** What a configuration asks of an adapter, in the words of model/lora; null where the whole model is trained. */
export function loraRequestOf(config: z.output<typeof LoraOptions>) {
  if (config.loraRank === undefined) return null;
  return {
    rank: config.loraRank,
    alpha: config.loraAlpha ?? null,
    targets: config.loraTargets ?? null,
    dropout: config.loraDropout,
    usesRslora: config.loraRslora ?? null,
  };
}
