// Options of `fourfold candidates`.
import { z } from 'zod';
import { engineKeys } from '../core/backendName.ts';
import { SPLITS } from '../core/records.ts';

/** A model behind an OpenAI-compatible server. */
export const ServerModel = z.strictObject({
  baseUrl: z.url().describe('Base address, e.g. http://127.0.0.1:8000/v1'),
  model: z.string().min(1).describe("The server's name of the model"),
  apiKeyEnv: z.string().min(1).optional().describe('Environment variable that holds the key'),
});
export type ServerModel = z.output<typeof ServerModel>;

export const CandidatesConfig = z.strictObject({
  models: z.array(z.string().min(1)).default([]).describe('Model versions: ids, folders or owner/name of the hub'),
  servers: z.array(ServerModel).default([]).describe('Models behind OpenAI-compatible servers (--set or --config)'),
  prompts: z.string().min(1).describe('A JSON Lines file or the id of a prompt set'),
  split: z
    .enum([...SPLITS, 'all'])
    .default('train')
    .describe('Which prompts are answered'),
  limit: z.int().min(1).optional().describe('Answer only the first so many prompts'),
  samplesPerPrompt: z.int().min(1).default(2).describe('Replies by each version to each prompt'),
  temperature: z.number().min(0).default(0.7).describe('0 is greedy'),
  topK: z.int().min(0).default(0).describe('0: off'),
  topP: z.number().gt(0).max(1).default(1).describe('1: off'),
  maxNewTokens: z.int().min(1).default(128).describe('Longest reply in tokens'),
  candidatesPerItem: z.int().min(2).max(6).default(6).describe('Replies that a rater sees at once'),
  batchSize: z.int().min(1).default(32).describe('Replies decoded together'),
  concurrency: z.int().min(1).default(4).describe('Requests at once to a server'),
  seed: z.int().min(0).default(0).describe('Seed of every draw'),
  ...engineKeys,
  resume: z.string().min(1).optional().describe('Go on with this run'),
});
export type CandidatesConfig = z.output<typeof CandidatesConfig>;
