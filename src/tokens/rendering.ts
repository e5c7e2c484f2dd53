// One rendering from conversation to ids and loss mask, which SFT, reward model, PPO and sampling all use.
// The prompt is tokenized by itself and the reply by itself, exactly as they are when the reply is sampled, so that the
// mask's border is a token border by construction. Where a tokenizer puts a space before every text (SentencePiece's
// dummy prefix), pieces cannot stand alone: there the whole is tokenized, and the ids of what comes before a border must
// prove to be its beginning.
import { FourfoldError } from '../core/errors.ts';
import type { TemplateExtras, TemplateMessage } from './chatTemplate.ts';
import type { Span } from './generationMarks.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface Rendering {
  ids: number[];
  /** True at the tokens of the reply, its end-of-turn token included: those carry the loss. */
  isResponseToken: boolean[];
}

/** Token ids of the conversation up to where the model's reply begins. @throws bad-model where there is no chat template. */
export function renderPrompt(
  tokenizer: Tokenizer,
  messages: ReadonlyArray<TemplateMessage>,
  extras?: TemplateExtras,
): number[] {
  return tokenizer.encode(templateOf(tokenizer).render(messages, true, extras), { addSpecialTokens: false });
}

/**
 * Ids and mask of a conversation and its reply. An unfinished reply (one that ran out of tokens) has no end of turn. What a
 * template writes after the end of turn (a line break) is left out: a sampled reply has not got it either.
 * @throws bad-model where the template changes the prompt when a reply follows, since no mask could then be right.
 */
export function renderReply(
  tokenizer: Tokenizer,
  messages: ReadonlyArray<TemplateMessage>,
  reply: string,
  { isFinished = true }: { isFinished?: boolean } = {},
): Rendering {
  const template = templateOf(tokenizer);
  const promptText = template.render(messages, true);
  const fullText = template.render([...messages, { role: 'assistant', content: reply }], false);
  if (!fullText.startsWith(promptText)) throw changesWithReply();
  const start = promptText.length;
  const end = isFinished ? endOfTurn(tokenizer, fullText, start) : start + reply.length;
  const text = isFinished ? fullText.slice(0, end) : promptText + reply;
  return tokenized(tokenizer, text, [{ start, end }]);
}

/**
 * Ids of a whole conversation, and a mask of everything that the model itself says in it: between the template's
 * {% generation %} marks, or, where it has none, each of the assistant's turns, found by rendering the conversation up to
 * where the turn begins and up to where it ends. Both must be beginnings of the whole, or no mask would be right.
 * @throws bad-model where they are not
 */
export function renderConversation(
  tokenizer: Tokenizer,
  messages: ReadonlyArray<TemplateMessage>,
  extras?: TemplateExtras,
): Rendering {
  const template = templateOf(tokenizer);
  if (template.hasMarks) {
    const { text, spans } = template.renderMarked(messages, extras);
    return tokenized(tokenizer, text, spans);
  }
  const text = template.render(messages, false, extras);
  const spans = messages.flatMap(({ role }, turn) => {
    if (role !== 'assistant') return [];
    const before = template.render(messages.slice(0, turn), true, extras);
    const after = template.render(messages.slice(0, turn + 1), false, extras);
    if (!after.startsWith(before) || !text.startsWith(after)) throw changesWithReply();
    return [{ start: before.length, end: endOfTurn(tokenizer, after, before.length) }];
  });
  return tokenized(tokenizer, text, spans);
}

/** The index after the last token that ends a reply, or the text's end where there is none after `start`. */
function endOfTurn({ stopTokens }: Tokenizer, text: string, start: number): number {
  let end = -1;
  for (const token of stopTokens) {
    const at = text.lastIndexOf(token);
    if (at >= start) end = Math.max(end, at + token.length);
  }
  return end === -1 ? text.length : end;
}

/** Ids of a text and a mask of its spans, which are in order and apart. */
function tokenized(tokenizer: Tokenizer, text: string, spans: ReadonlyArray<Span>): Rendering {
  return tokenizer.isConcatenative ? inPieces(tokenizer, text, spans) : asOne(tokenizer, text, spans);
}

function inPieces(tokenizer: Tokenizer, text: string, spans: ReadonlyArray<Span>): Rendering {
  const rendering: Rendering = { ids: [], isResponseToken: [] };
  const add = (piece: string, isResponse: boolean) => {
    const ids = tokenizer.encode(piece, { addSpecialTokens: false });
    rendering.ids.push(...ids);
    rendering.isResponseToken.push(...ids.map(() => isResponse));
  };
  let at = 0;
  for (const { start, end } of spans) {
    add(text.slice(at, start), false);
    add(text.slice(start, end), true);
    at = end;
  }
  add(text.slice(at), false);
  return rendering;
}

function asOne(tokenizer: Tokenizer, text: string, spans: ReadonlyArray<Span>): Rendering {
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  /** Tokens before the character at `end`. */
  const countBefore = (end: number): number => {
    const before = tokenizer.encode(text.slice(0, end), { addSpecialTokens: false });
    if (before.every((id, i) => id === ids[i])) return before.length;
    throw new FourfoldError(
      'bad-model',
      'Expected a chat template whose prompt ends at the border of a token; here the prompt and the beginning of the reply ' +
        `merge (${JSON.stringify(text.slice(Math.max(0, end - 12), end + 12))}). ` +
        'End the generation prompt with a special token or a line break.',
    );
  };
  const isResponseToken = ids.map(() => false);
  for (const { start, end } of spans) isResponseToken.fill(true, countBefore(start), countBefore(end));
  return { ids, isResponseToken };
}

const changesWithReply = () =>
  new FourfoldError(
    'bad-model',
    'Expected a chat template that leaves the prompt as it is when a reply follows, so that the reply can be masked; ' +
      'this one renders the prompt differently. Give the model another chat_template.',
  );

function templateOf(tokenizer: Tokenizer) {
  if (tokenizer.chatTemplate !== null) return tokenizer.chatTemplate;
  throw new FourfoldError(
    'bad-model',
    'Expected a chat template in tokenizer_config.json or chat_template.jinja; the model has none. Add one.',
  );
}
