// One reply of a model behind an OpenAI-compatible server.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText } from 'ai';
import { FourfoldError, messageOf } from '../core/errors.ts';
import type { Message, Sampling } from '../core/records.ts';
import type { ServerModel } from './candidatesConfig.ts';

const MAX_RETRIES = 3;

/** @throws server-failed after the retries, naming the server; bad-option where the key's variable is empty. */
export async function serverReply(
  server: ServerModel,
  messages: ReadonlyArray<Message>,
  { sampling, seed, signal }: { sampling: Sampling; seed: number; signal: AbortSignal },
): Promise<{ text: string; finishReason: 'stop' | 'length' }> {
  const apiKey = server.apiKeyEnv === undefined ? undefined : process.env[server.apiKeyEnv];
  if (server.apiKeyEnv !== undefined && !apiKey) {
    throw new FourfoldError(
      'bad-option',
      `Expected a key in the environment variable ${server.apiKeyEnv}; it is empty. Set it.`,
    );
  }
  const provider = createOpenAICompatible({ name: 'server', baseURL: server.baseUrl, ...(apiKey ? { apiKey } : {}) });
  try {
    const result = await generateText({
      model: provider(server.model),
      messages: messages.map((message) => ({ ...message })),
      temperature: sampling.temperature,
      ...(sampling.topP < 1 ? { topP: sampling.topP } : {}),
      ...(sampling.topK > 0 ? { topK: sampling.topK } : {}),
      maxOutputTokens: sampling.maxNewTokens,
      seed,
      maxRetries: MAX_RETRIES,
      abortSignal: signal,
    });
    return { text: result.text.trim(), finishReason: result.finishReason === 'length' ? 'length' : 'stop' };
  } catch (error) {
    if (signal.aborted) throw new FourfoldError('interrupted', 'Stopped while waiting for a server.', { cause: error });
    throw new FourfoldError(
      'server-failed',
      `${server.baseUrl} (${server.model}) gave no reply: ${messageOf(error)}. Mend the server, then go on with --resume.`,
      { cause: error },
    );
  }
}
