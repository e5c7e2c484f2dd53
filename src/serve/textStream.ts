// Tokens in, text out, piece by piece: a character whose bytes are not all there waits, and so does what may yet turn out to
// be the beginning of a stop text.

export interface TextStream {
  /** The text that is certain after one more token, possibly none. */
  push(token: number): string;
  /** What was held back, once no more tokens come. */
  end(): string;
  /** True once a stop text has come; what follows it is not part of the reply. */
  readonly isStopped: boolean;
}

const REPLACEMENT = '\ufffd';

/**
 * @param decode text of token ids
 * @param stops texts that end the reply and are not part of it
 */
export function textStream(decode: (ids: ReadonlyArray<number>) => string, stops: ReadonlyArray<string>): TextStream {
  const ids: number[] = [];
  // Decoding begins at a token whose text is told already, so that a space between two tokens is seen.
  let from = 0;
  let told = 0;
  let held = '';
  let isStopped = false;

  /** The new text of the tokens since `told`, or '' while the last character is torn. */
  function decoded(isLast: boolean): string {
    const before = decode(ids.slice(from, told));
    const text = decode(ids.slice(from));
    if (text.length <= before.length || (!isLast && text.endsWith(REPLACEMENT))) return '';
    from = told;
    told = ids.length;
    return text.slice(before.length);
  }

  /** Cuts at a stop text, and holds back what may be the beginning of one. */
  function released(text: string, isLast: boolean): string {
    held += text;
    const at = Math.min(...stops.map((stop) => held.indexOf(stop)).filter((index) => index >= 0));
    if (Number.isFinite(at)) {
      isStopped = true;
      const result = held.slice(0, at);
      held = '';
      return result;
    }
    let keep = 0;
    for (const stop of isLast ? [] : stops) {
      for (let length = Math.min(stop.length - 1, held.length); length > keep; length--) {
        if (held.endsWith(stop.slice(0, length))) keep = length;
      }
    }
    const result = held.slice(0, held.length - keep);
    held = held.slice(held.length - keep);
    return result;
  }

  return {
    push(token) {
      if (isStopped) return '';
      ids.push(token);
      return released(decoded(false), false);
    },
    end: () => (isStopped ? '' : released(decoded(true), true)),
    get isStopped() {
      return isStopped;
    },
  };
}
