// From options to a judge. Providers are loaded only when one of them is asked for.
import { FourfoldError } from '../core/errors.ts';
import { JudgeConfig } from './config.ts';
import type { Judge } from './judge.ts';
import { ruleJudge } from './ruleJudge.ts';

const VENDOR = {
  openai: { baseUrl: 'https://api.openai.com/v1', apiKeyEnv: 'OPENAI_API_KEY' },
  anthropic: { baseUrl: 'https://api.anthropic.com/v1', apiKeyEnv: 'ANTHROPIC_API_KEY' },
} as const;

/**
 * The judge that the options name. Nothing is sent yet.
 * @param env where the key is looked up; a server other than the vendor's may need none.
 * @throws bad-option where the model or the vendor's key is missing.
 */
export async function openJudge(
  config: JudgeConfig,
  env: Readonly<Record<string, string | undefined>>,
  backoffMs?: number,
): Promise<Judge> {
  refuseUnread(config);
  if (config.judge === 'rules') return ruleJudge();
  if (config.model === null) {
    throw new FourfoldError('bad-option', `Expected --model with --judge ${config.judge}: which model is to judge?`);
  }
  const vendor = VENDOR[config.judge];
  const apiKeyEnv = config.apiKeyEnv ?? vendor.apiKeyEnv;
  const apiKey = env[apiKeyEnv] ?? '';
  if (apiKey === '' && (config.baseUrl === null || config.apiKeyEnv !== null)) {
    throw new FourfoldError(
      'bad-option',
      `Expected a key in the environment variable ${apiKeyEnv}, which is empty. Set it, or name another with --api-key-env.`,
    );
  }
  const { llmJudge } = await import('./llmJudge.ts');
  const { temperature, maxOutputTokens, maxRetries, timeoutMs } = config;
  return llmJudge({
    name: `${config.judge}:${config.model}`,
    model: await modelOf(config, config.judge, config.model, { baseURL: config.baseUrl ?? vendor.baseUrl, apiKey }),
    temperature,
    maxOutputTokens,
    maxRetries,
    timeoutMs,
    ...(backoffMs === undefined ? {} : { backoffMs }),
  });
}

/** An option that this judge would not read is an error. */
function refuseUnread(config: JudgeConfig): void {
  const refuse = (option: string) => {
    throw new FourfoldError('bad-option', `--judge ${config.judge} does not read ${option}. Leave it out.`);
  };
  if (config.judge === 'rules') {
    if (config.model !== null) refuse('--model');
    if (config.baseUrl !== null) refuse('--base-url');
    if (config.apiKeyEnv !== null) refuse('--api-key-env');
    const usual = JudgeConfig.parse({});
    if (config.temperature !== usual.temperature) refuse('--temperature');
    if (config.maxOutputTokens !== usual.maxOutputTokens) refuse('--max-output-tokens');
    if (config.maxRetries !== usual.maxRetries) refuse('--max-retries');
    if (config.timeoutMs !== usual.timeoutMs) refuse('--timeout-ms');
  }
  if (config.judge !== 'openai' && config.responseFormat !== 'json-schema') refuse('--response-format');
}

async function modelOf(
  config: JudgeConfig,
  provider: 'openai' | 'anthropic',
  model: string,
  { baseURL, apiKey }: { baseURL: string; apiKey: string },
) {
  switch (provider) {
    case 'openai': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      return createOpenAICompatible({
        name: 'openai-compatible',
        baseURL,
        supportsStructuredOutputs: config.responseFormat === 'json-schema',
        ...(apiKey === '' ? {} : { apiKey }),
      }).chatModel(model);
    }
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      // Without a key the provider would refuse to start; a server that needs none ignores this one.
      return createAnthropic({ baseURL, apiKey: apiKey === '' ? 'none' : apiKey })(model);
    }
    default:
      return provider satisfies never;
  }
}
