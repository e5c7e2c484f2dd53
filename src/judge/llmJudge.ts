// A language model as judge, through the AI SDK. Each item is asked in the presented order and in its reverse.
// What fails (network, refusal, an answer outside the schema) is missing data with a reason, never a score.
import { APICallError, type FinishReason, generateText, type LanguageModel, NoObjectGeneratedError, Output } from 'ai';
import { FourfoldError, messageOf } from '../core/errors.ts';
import type { Judge, JudgedItem, JudgedReply, Verdict } from './judge.ts';
import { AttemptFailed, withRetries } from './retry.ts';
import { RUBRIC_HASH, SYSTEM_PROMPT, userPrompt } from './rubric.ts';
import { type Answer, answerSchemaFor, byCandidate, combineOrders, labelsFor, type OrderVerdict } from './verdict.ts';

export interface LlmJudgeOptions {
  /** As it is recorded: 'openai:MODEL'. */
  name: string;
  model: LanguageModel;
  /** null: not sent. */
  temperature: number | null;
  maxOutputTokens: number | null;
  /** Further attempts for each request. */
  maxRetries: number;
  /** Longest wait for one request. */
  timeoutMs: number;
  /** First pause before another attempt, doubled each time. */
  backoffMs?: number;
}

/** A judge over one language model. Nothing is sent before judge() is called. */
export function llmJudge(options: LlmJudgeOptions): Judge {
  // The SDK would print its warnings to the console; what matters of them is in the reasons of failures.
  globalThis.AI_SDK_LOG_WARNINGS = false;
  return {
    name: options.name,
    promptHash: RUBRIC_HASH,
    async judge(item, signal) {
      let requests = 0;
      const ask = (candidates: ReadonlyArray<JudgedReply>) =>
        withRetries(
          () => {
            requests++;
            return askOnce({ ...item, candidates }, options, signal);
          },
          { maxRetries: options.maxRetries, backoffMs: options.backoffMs ?? 1000, signal },
        );
      try {
        const first = await ask(item.candidates);
        const second = await ask(item.candidates.toReversed());
        const { ratings, comparison, positionConsistent } = combineOrders(first, second);
        return { ratings, comparison, details: { positionConsistent, requests } };
      } catch (error) {
        if (signal.aborted) throw interrupted(error);
        if (!(error instanceof AttemptFailed)) throw error;
        return missing(error.message, requests);
      }
    },
  };
}

const missing = (reason: string, requests: number): Verdict => ({
  ratings: {},
  comparison: { kind: 'missing', reason: reason.slice(0, 500) },
  details: { positionConsistent: null, requests },
});

const interrupted = (cause: unknown) =>
  new FourfoldError('interrupted', 'Judging was interrupted; run the same command again to go on.', { cause });

/** One request about the replies in this order. @throws AttemptFailed, or FourfoldError where no request can succeed. */
async function askOnce(item: JudgedItem, options: LlmJudgeOptions, signal: AbortSignal): Promise<OrderVerdict> {
  const labels = labelsFor(item.candidates.length);
  const schema = answerSchemaFor(labels);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    const result = await generateText({
      model: options.model,
      system: SYSTEM_PROMPT,
      prompt: userPrompt(item, labels),
      output: Output.object({ schema, name: 'verdict' }),
      ...(options.temperature === null ? {} : { temperature: options.temperature }),
      ...(options.maxOutputTokens === null ? {} : { maxOutputTokens: options.maxOutputTokens }),
      maxRetries: 0,
      abortSignal: AbortSignal.any([signal, timeout]),
    });
    // The SDK reads the output of an answer that ended by itself; other endings may still hold a whole verdict.
    const answer = result.finishReason === 'stop' ? result.output : answerWithin(result.text, labels);
    if (answer !== null) return byCandidate(answer, item.candidates);
    throw unfinished(result.finishReason);
  } catch (error) {
    const unwrapped = NoObjectGeneratedError.isInstance(error) ? answerWithin(error.text ?? '', labels) : null;
    if (unwrapped !== null) return byCandidate(unwrapped, item.candidates);
    if (timeout.aborted && !signal.aborted) {
      throw new AttemptFailed(`no answer within ${options.timeoutMs} ms`, { isRetryable: true, cause: error });
    }
    throw asFailure(error, options.name);
  }
}

/** The answer inside a text that may wrap it (a code fence, thinking before it); null where there is none. */
function answerWithin(text: string, labels: ReadonlyArray<string>): Answer | null {
  const said = text.replace(/^\s*<think>[\s\S]*?<\/think>/, '');
  const object = said.slice(said.indexOf('{'), said.lastIndexOf('}') + 1);
  try {
    return answerSchemaFor(labels).safeParse(JSON.parse(object)).data ?? null;
  } catch {
    return null;
  }
}

function unfinished(finishReason: FinishReason): AttemptFailed {
  return finishReason === 'content-filter'
    ? new AttemptFailed('the model refused to judge', { isRetryable: false })
    : new AttemptFailed(`the answer ended before its verdict (${finishReason})`, { isRetryable: true });
}

const HOPELESS = new Set([401, 403, 404]);

function asFailure(error: unknown, name: string): AttemptFailed | FourfoldError {
  if (error instanceof AttemptFailed) return error;
  if (APICallError.isInstance(error)) {
    const status = error.statusCode;
    if (status !== undefined && HOPELESS.has(status)) {
      return new FourfoldError(
        'server-failed',
        `Expected verdicts of ${name} from ${error.url}, got status ${status}: ${error.message.slice(0, 200)}. Check --model, --base-url and the key in --api-key-env.`,
        { cause: error },
      );
    }
    const what = status === undefined ? 'the server could not be reached' : `the server answered ${status}`;
    return new AttemptFailed(`${what}: ${error.message}`, {
      isRetryable: error.isRetryable,
      waitMs: retryAfterMs(error.responseHeaders ?? {}),
      cause: error,
    });
  }
  if (NoObjectGeneratedError.isInstance(error)) {
    if (error.finishReason === 'content-filter') return unfinished(error.finishReason);
    const said = JSON.stringify((error.text ?? '').slice(0, 120));
    return new AttemptFailed(`the answer is not a verdict: ${said}`, { isRetryable: true, cause: error });
  }
  // What fetch throws where the connection fails and the SDK has not recognised it.
  if (messageOf(error).includes('fetch failed')) {
    return new AttemptFailed('the server could not be reached', { isRetryable: true, cause: error });
  }
  return new AttemptFailed(messageOf(error), { isRetryable: false, cause: error });
}

/** The server's wish to wait, in seconds by RFC 9110 section 10.2.3 (the date form is not read). */
function retryAfterMs(headers: Readonly<Record<string, string>>): number | null {
  const header = headers['retry-after'];
  const seconds = header === undefined ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}
