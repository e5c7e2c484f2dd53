// The {% generation %} marks of a chat template. The Jinja library drops them; here each becomes an expression that prints a
// character found nowhere in the conversation, which is taken out of the result again, leaving its place.
import { FourfoldError } from '../core/errors.ts';

/** A stretch of text by the indices of its first character and the one after its last. */
export interface Span {
  start: number;
  end: number;
}

export interface MarkedText {
  text: string;
  /** What the model itself says: between {% generation %} and {% endgeneration %}, in order. */
  spans: Span[];
}

const MARK = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;
const OPEN = '__fourfold_open';
const CLOSE = '__fourfold_close';
/** The end of the last plane of private use. */
const LAST_PRIVATE = 0x10fffd;

/** Two private characters that the text has not. */
function unusedCharacters(text: string): [string, string] {
  const found: string[] = [];
  for (let code = LAST_PRIVATE; found.length < 2; code--) {
    const character = String.fromCodePoint(code);
    if (!text.includes(character)) found.push(character);
  }
  return [found[0] ?? '', found[1] ?? ''];
}

/** The template with each mark as an expression inside a block, so that white space around it is stripped as around a block. */
function marked(source: string): string {
  return source.replace(
    MARK,
    (_, left: string, end: string | undefined, right: string) =>
      `{%${left} if true %}{{ ${end === undefined ? OPEN : CLOSE} }}{% endif ${right}%}`,
  );
}

/**
 * The text with the spans that the template's marks enclose.
 * @param plain the text that the template renders without marks
 * @param render renders a template with further variables
 * @throws bad-model where marks do not pair, or change the text
 */
export function withMarks(
  source: string,
  plain: string,
  render: (source: string, variables: Record<string, string>) => string,
): MarkedText {
  const [open, close] = unusedCharacters(plain);
  const rendered = render(marked(source), { [OPEN]: open, [CLOSE]: close });
  const spans: Span[] = [];
  let text = '';
  let start: number | null = null;
  let isPaired = true;
  for (const piece of rendered.split(new RegExp(`(${open}|${close})`, 'u'))) {
    if (piece !== open && piece !== close) {
      text += piece;
      continue;
    }
    isPaired &&= (start === null) === (piece === open);
    if (piece === open) start = text.length;
    else if (start !== null) {
      spans.push({ start, end: text.length });
      start = null;
    }
  }
  if (isPaired && start === null && text === plain) return { text, spans };
  throw new FourfoldError(
    'bad-model',
    "The model's chat template has {% generation %} marks that do not pair, or that stand inside an expression. " +
      'Put each around the text of one reply.',
  );
}
