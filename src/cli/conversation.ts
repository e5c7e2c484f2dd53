// The conversation of `fourfold chat`: lines in, replies out as they are written; commands begin with a slash.
import { appendFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { contentId } from '../core/ids.ts';
import { seedOf } from '../core/random.ts';
import type { Message, Sampling } from '../core/records.ts';
import { promptOf, type Reply, replyOf, type ServedModel } from '../serve/servedModel.ts';

export interface ConversationOptions {
  model: ServedModel;
  /** System message; empty for none. */
  system: string;
  sampling: Sampling;
  seed: number;
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  write(text: string): void;
  note(line: string): void;
  print(line: string): void;
  json: boolean;
  path(given: string): string;
  signal: AbortSignal;
}

const HELP = `/system TEXT  set the system message (no text: none), and begin anew
/reset        forget the conversation
/save FILE    append the conversation to a file of prompts, its last reply as the demonstration
/quit         leave (so does Ctrl-D); Ctrl-C stops a reply`;
const PROMPT = '> ';

/** The conversation so far; the reply in the making is not in it. */
interface State {
  system: string;
  turns: Message[];
  /** Stops the reply in the making; null where there is none. */
  stop: AbortController | null;
  turn: number;
}

const messagesOf = ({ system, turns }: State): Message[] =>
  system === '' ? turns : [{ role: 'system', content: system }, ...turns];

/** A line of a prompts file, whose demonstration is the last reply. @throws bad-input where there is no reply yet. */
function promptLine(state: State): string {
  const last = state.turns.at(-1);
  if (last?.role !== 'assistant') throw new FourfoldError('bad-input', 'There is no reply to save yet.');
  const messages = messagesOf(state).slice(0, -1);
  return `${JSON.stringify({ id: `chat-${contentId(JSON.stringify(messages), last.content)}`, messages, demonstration: last.content })}\n`;
}

function beginAnew(state: State): void {
  state.turns = [];
  state.turn = 0;
}

/** Does what a line with a slash says. @returns false where the conversation is over */
async function obey(line: string, state: State, { note, path }: ConversationOptions): Promise<boolean> {
  const [, word = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  switch (word) {
    case 'quit':
    case 'exit':
      return false;
    case 'reset':
      beginAnew(state);
      note('The conversation begins anew.');
      return true;
    case 'system':
      state.system = rest;
      beginAnew(state);
      note(rest === '' ? 'No system message.' : 'System message set; the conversation begins anew.');
      return true;
    case 'save': {
      if (rest === '') throw new FourfoldError('bad-input', 'Expected a file: /save FILE.');
      const line = promptLine(state);
      try {
        await appendFile(path(rest), line);
      } catch (error) {
        throw asStorageError(error, path(rest), 'write', 'name another file');
      }
      note(`Saved to ${path(rest)}.`);
      return true;
    }
    default:
      note(HELP);
      return true;
  }
}

function tell(
  reply: Reply & { promptTokens: number },
  seconds: number,
  { json, print, note }: ConversationOptions,
): void {
  const tokensPerSecond = Math.round((10 * reply.tokens) / Math.max(seconds, 1e-9)) / 10;
  if (json) print(JSON.stringify({ ...reply, tokensPerSecond }));
  else
    note(
      `[${reply.tokens} tokens, ${tokensPerSecond} tokens/s${reply.finishReason === 'length' ? ', cut short' : ''}]`,
    );
}

/** One turn: the user's line, and the reply as it comes. A reply that is stopped stays as far as it got. */
async function takeTurn(line: string, state: State, options: ConversationOptions): Promise<void> {
  const { model, sampling, seed, write, json, note, signal } = options;
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener('abort', onAbort);
  state.stop = stop;
  const asked: Message = { role: 'user', content: line };
  let text = '';
  const started = performance.now();
  try {
    const promptIds = promptOf(model, messagesOf({ ...state, turns: [...state.turns, asked] }));
    const reply = await replyOf(model, {
      ...sampling,
      promptIds,
      seed: seedOf(seed, 'chat', state.turn++),
      stops: [],
      signal: stop.signal,
      onText(piece) {
        text += piece;
        if (!json) write(piece);
      },
    });
    if (!json) write('\n');
    tell({ ...reply, promptTokens: promptIds.length }, (performance.now() - started) / 1000, options);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    if (!json) write('\n');
    if (signal.aborted) throw new FourfoldError('interrupted', 'Stopped.');
    note('[stopped]');
  } finally {
    state.stop = null;
    signal.removeEventListener('abort', onAbort);
  }
  state.turns.push(asked, { role: 'assistant', content: text });
}

/**
 * Talks until the input ends, /quit, or Ctrl-C between replies. A line that fails is told and the conversation goes on.
 * @throws interrupted where the signal is aborted in the middle of a reply
 */
export async function holdConversation(options: ConversationOptions): Promise<void> {
  const { input, note, write, signal } = options;
  const isTerminal = input.isTTY === true && process.stdout.isTTY === true;
  const lines = createInterface(isTerminal ? { input, output: process.stdout, prompt: PROMPT } : { input });
  const state: State = { system: options.system, turns: [], stop: null, turn: 0 };
  const ask = () => {
    if (isTerminal) lines.prompt();
  };
  // A terminal in readline's hands sends Ctrl-C here instead of to the process.
  lines.on('SIGINT', () => {
    if (state.stop !== null) state.stop.abort();
    else lines.close();
  });
  const onAbort = () => lines.close();
  signal.addEventListener('abort', onAbort);
  if (isTerminal) note(`Talking with ${options.model.names[0]}. /help tells what else a line can do.`);
  ask();
  try {
    for await (const line of lines) {
      if (signal.aborted) break;
      try {
        if (line.startsWith('/')) {
          if (!(await obey(line, state, options))) break;
        } else if (line.trim() !== '') await takeTurn(line, state, options);
      } catch (error) {
        const isOver = !(error instanceof FourfoldError) || signal.aborted;
        if (isOver) throw error;
        note(`error: ${error.message}${error.code === 'too-long' ? ' Or begin anew: /reset' : ''}`);
      }
      ask();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    lines.close();
  }
  if (isTerminal) write('\n');
}
