// Markdown to a document fragment that cannot do harm: no HTML of the author's, nothing loaded, nothing run. The parser
// writes markup of its own making only, and DOMPurify then holds that to a short list of elements.
import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';

/** Links of a reply are shown with their address and lead nowhere; those of the guidelines open in a new tab. */
export type Links = 'inert' | 'live';

const ELEMENTS = [
  ...[
    'p',
    'br',
    'hr',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'strong',
    'em',
    's',
    'code',
    'pre',
    'blockquote',
    'ul',
    'ol',
    'li',
  ],
  ...['table', 'thead', 'tbody', 'tr', 'th', 'td', 'a', 'span'],
];
const ATTRIBUTES = ['href', 'rel', 'target', 'class', 'start', 'title'];

export interface MarkdownOptions {
  links: Links;
  /** Level of the text's highest headings, below those of the page around it. */
  topHeading: 2 | 3;
}

type Parser = ReturnType<typeof MarkdownIt>;

function parserOf({ links, topHeading }: MarkdownOptions): Parser {
  const parser = new MarkdownIt('default', { html: false, linkify: false, typographer: false, breaks: true });
  const { rules } = parser.renderer;
  const { escapeHtml } = parser.utils;
  // An image is told in words and never fetched: fetching would tell its host who reads.
  rules.image = (tokens, index) => {
    const token = tokens[index];
    const address = String(token?.attrGet('src') ?? '');
    return `<span class="address">🖼 ${escapeHtml(token?.content ?? '')} (${escapeHtml(address)})</span>`;
  };
  rules.heading_open = (tokens, index) => `<${lowered(tokens[index]?.tag, topHeading)}>`;
  rules.heading_close = (tokens, index) => `</${lowered(tokens[index]?.tag, topHeading)}>`;
  const closings: string[] = [];
  rules.link_open = (tokens, index) => {
    const address = String(tokens[index]?.attrGet('href') ?? '');
    if (links === 'live') {
      closings.push('</a>');
      return `<a href="${escapeHtml(address)}" rel="noopener noreferrer" target="_blank">`;
    }
    closings.push(`</span> <span class="address">(${escapeHtml(address)})</span>`);
    return '<span class="link">';
  };
  rules.link_close = () => closings.pop() ?? '';
  return parser;
}

/** 'h1' as 'h3' where the highest is 3. */
function lowered(tag: string | undefined, topHeading: number): string {
  return `h${Math.min(6, Number(tag?.slice(1) ?? 1) + topHeading - 1)}`;
}

const parsers = new Map<string, Parser>();

/** The markup of a Markdown text. For `sanitized`; never put into the page as it is. */
export function markupOf(text: string, options: MarkdownOptions): string {
  const key = `${options.links} ${options.topHeading}`;
  let parser = parsers.get(key);
  if (parser === undefined) {
    parser = parserOf(options);
    parsers.set(key, parser);
  }
  return parser.render(text).trimEnd();
}

/** A fragment of the page with nothing but the elements and attributes above. */
export function sanitized(markup: string): DocumentFragment {
  return DOMPurify.sanitize(markup, {
    ALLOWED_TAGS: ELEMENTS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    // These hold no address; without this they would be held to the expression above.
    ADD_URI_SAFE_ATTR: ['rel', 'target', 'start'],
    RETURN_DOM_FRAGMENT: true,
  });
}
