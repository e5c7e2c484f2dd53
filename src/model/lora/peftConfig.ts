// adapter_config.json as PEFT writes it (LoraConfig, PEFT 0.21). A field that would change the meaning of the weights and is
// not served here is refused by name, known or not; what changes nothing once an adapter is trained is passed over.
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import { parseWith } from '../../core/jsonl.ts';
import type { AdapterSettings } from './adapter.ts';

/** Fields that say nothing about how trained weights are used. */
const WITHOUT_MEANING = new Set([
  ...['auto_mapping', 'base_model_class', 'ensure_weight_tying', 'exclude_modules', 'fan_in_fan_out', 'inference_mode'],
  ...['layers_pattern', 'layers_to_transform', 'megatron_core', 'peft_version', 'qalora_group_size', 'revision'],
  ...['runtime_config', 'loftq_config', 'eva_config'],
]);
/** Ways of drawing the first weights that leave the base as it is; others (PiSSA, OLoRA, CorDA, LoftQ) change it. */
const PLAIN_STARTS: ReadonlyArray<unknown> = [true, false, 'gaussian', 'orthogonal', 'eva', 'mica'];

const PeftConfig = z.looseObject({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().min(1),
  lora_alpha: z.number(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  use_rslora: z.boolean().default(false),
  target_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  task_type: z.string().nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  bias: z.string().default('none'),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
});

const READ = new Set(Object.keys(PeftConfig.shape));
const TASKS: ReadonlyArray<unknown> = ['CAUSAL_LM', 'SEQ_CLS', null, undefined];
/** Names under which PEFT saves the head of a sequence classifier. */
const HEADS = ['score', 'classifier'];

const isInert = (value: unknown): boolean =>
  value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

/** What an adapter's folder says of it. */
export interface PeftDescription {
  settings: AdapterSettings;
  /** The model it was trained on, as written: a path or a name of the hub; null where nothing is said. */
  base: string | null;
}

function refuse(where: string, field: string, got: unknown, expected: string): never {
  throw new FourfoldError(
    'unsupported',
    `${where}: expected ${field} ${expected}, got ${JSON.stringify(got)}: adapters of that kind are not served. ` +
      'Merge it into its base with PEFT (merge_and_unload) and import the merged model.',
  );
}

/** @throws unsupported for a kind of adapter that is not served, naming the field; bad-input for a malformed file. */
export function parsePeftConfig(value: unknown, where: string): PeftDescription {
  const { peft_type: type } = parseWith(z.looseObject({ peft_type: z.string() }), value, where);
  if (type !== 'LORA') refuse(where, 'peft_type', type, '"LORA"');
  const config = parseWith(PeftConfig, value, where);
  const unread = Object.entries(config).find(
    ([key, field]) => !READ.has(key) && !WITHOUT_MEANING.has(key) && !isInert(field),
  );
  if (unread !== undefined) refuse(where, unread[0], unread[1], 'to be empty');
  if (config.bias !== 'none') refuse(where, 'bias', config.bias, '"none"');
  if (!TASKS.includes(config.task_type)) refuse(where, 'task_type', config.task_type, '"CAUSAL_LM" or "SEQ_CLS"');
  const start = config.init_lora_weights ?? true;
  if (!PLAIN_STARTS.includes(start)) refuse(where, 'init_lora_weights', start, 'one that leaves the base as it is');
  const saved = config.modules_to_save?.find((name) => !HEADS.includes(name));
  if (saved !== undefined) refuse(where, 'modules_to_save', saved, `to name no more than ${HEADS.join(' and ')}`);
  return {
    settings: {
      rank: config.r,
      alpha: config.lora_alpha,
      usesRslora: config.use_rslora,
      dropout: config.lora_dropout,
      targets: config.target_modules ?? [],
    },
    base: config.base_model_name_or_path ?? null,
  };
}

/** adapter_config.json of an adapter made here. @param fanInFanOut true where the base keeps its matrices as [in, out] */
export function toPeftConfig(
  { rank, alpha, usesRslora, dropout, targets }: AdapterSettings,
  { base, hasScoreHead, fanInFanOut }: { base: string; hasScoreHead: boolean; fanInFanOut: boolean },
): Record<string, unknown> {
  return {
    peft_type: 'LORA',
    task_type: hasScoreHead ? 'SEQ_CLS' : 'CAUSAL_LM',
    base_model_name_or_path: base,
    revision: null,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    use_rslora: usesRslora,
    use_dora: false,
    target_modules: targets,
    modules_to_save: hasScoreHead ? ['score'] : null,
    bias: 'none',
    fan_in_fan_out: fanInFanOut,
    init_lora_weights: true,
    rank_pattern: {},
    alpha_pattern: {},
  };
}
