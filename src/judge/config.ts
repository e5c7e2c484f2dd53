// Options of `fourfold judge`. Light on purpose: the command line reads it before anything else is loaded.
import { z } from 'zod';

export const JudgeConfig = z.strictObject({
  candidateSet: z.string().default('latest').describe('Candidate set to judge: an id, or latest'),
  judge: z
    .enum(['rules', 'openai', 'anthropic'])
    .default('rules')
    .describe('rules: offline text rules; openai: any OpenAI-compatible server; anthropic: the Messages API'),
  model: z.string().min(1).nullable().default(null).describe('Model that judges, as its server names it'),
  baseUrl: z.url().nullable().default(null).describe("The server's address up to and with /v1; default: the vendor's"),
  apiKeyEnv: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Environment variable that holds the key; default: OPENAI_API_KEY or ANTHROPIC_API_KEY'),
  responseFormat: z
    .enum(['json-schema', 'json-object'])
    .default('json-schema')
    .describe('json-object for OpenAI-compatible servers that cannot be held to a JSON schema'),
  temperature: z.number().min(0).max(2).nullable().default(0).describe('null: not sent, for models that refuse it'),
  maxOutputTokens: z.int().min(1).nullable().default(null).describe('Longest verdict; null: as the server has it'),
  concurrency: z.int().min(1).max(64).default(4).describe('Items judged at once'),
  maxRetries: z.int().min(0).max(20).default(3).describe('Further attempts after a failed request'),
  timeoutMs: z.int().min(1).default(60_000).describe('Longest wait for one request'),
  limit: z.int().min(0).default(0).describe('Judge at most this many items; 0: all'),
});
export type JudgeConfig = z.infer<typeof JudgeConfig>;
