// Rendering of a conversation by the model's own chat template (Jinja), as `transformers` does it: named templates, tools
// and documents, and the places of the model's own turns where the template marks them.
import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { FourfoldError, messageOf } from '../core/errors.ts';
import { type MarkedText, withMarks } from './generationMarks.ts';

/** Template and special tokens of the models that fourfold makes itself. */
export const FOURFOLD_CHAT = {
  bosToken: '<|endoftext|>',
  eosToken: '<|end|>',
  /** Of its own: a program that guesses the attention mask from the ids hides every token that pads. */
  padToken: '<|pad|>',
  specialTokens: ['<|endoftext|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>', '<|pad|>'],
  template:
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
} as const;

/** A turn as a template sees it; roles are the template's affair (system, user, assistant, tool). */
export interface TemplateMessage {
  role: string;
  content?: unknown;
  [key: string]: unknown;
}

/** What a template may read besides the conversation. */
export interface TemplateExtras {
  /** Tools that the model may call, as JSON Schema. A template named tool_use is taken where there is one. */
  tools?: ReadonlyArray<unknown>;
  documents?: ReadonlyArray<unknown>;
}

export interface ChatTemplate {
  /** True where the template marks the model's own turns. */
  readonly hasMarks: boolean;
  /** The conversation as text; with `addGenerationPrompt` it ends where the model's reply begins. */
  render(messages: ReadonlyArray<TemplateMessage>, addGenerationPrompt: boolean, extras?: TemplateExtras): string;
  /** The text and the spans that the template marks. */
  renderMarked(messages: ReadonlyArray<TemplateMessage>, extras?: TemplateExtras): MarkedText;
}

/** Templates by name; 'default' is the usual one. */
export type NamedTemplates = Readonly<Record<string, string>>;

/** Special tokens by the names that templates use: bos_token, eos_token, ... */
export type SpecialTokens = Readonly<Record<string, string>>;

/** As in Jinja's own sandbox. */
const MAX_RANGE = 100_000;

/** Python's range(). */
function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`range() of ${length} items is too long`);
  return Array.from({ length }, (_, i) => from + i * step);
}

/**
 * DEVIATION: `transformers` gives a template today's date; here it is always 26 July 2024 (the date that Llama 3's template
 * takes where it is given none), so that a conversation has the same ids on every day and after a resume.
 */
const DATE: Record<string, string> = {
  '%Y': '2024',
  '%m': '07',
  '%d': '26',
  '%b': 'Jul',
  '%B': 'July',
  '%y': '24',
  '%A': 'Friday',
  '%a': 'Fri',
  '%H': '00',
  '%M': '00',
  '%S': '00',
  '%%': '%',
};
const strftimeNow = (format: string) => format.replace(/%[a-zA-Z%]/g, (directive) => DATE[directive] ?? directive);

const GLOBALS: Record<string, unknown> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception(message: string) {
    throw new Error(message);
  },
  range,
  strftime_now: strftimeNow,
};

function evaluate(template: Template, variables: Record<string, unknown>): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
  const result = new Interpreter(environment).run(template.parsed);
  return String(result.value);
}

const fail = (error: unknown): never => {
  throw new FourfoldError('bad-model', `The model's chat template failed: ${messageOf(error)}`, { cause: error });
};

function compile(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    return fail(error);
  }
}

/**
 * @param templates by name; the one named default must be there
 * @throws bad-model where a template does not compile; rendering throws bad-model where it refuses the messages
 */
export function compileChatTemplate(templates: NamedTemplates, special: SpecialTokens): ChatTemplate {
  if (templates.default === undefined) {
    throw new FourfoldError(
      'bad-model',
      `Expected a chat template named default, got only: ${Object.keys(templates).join(', ')}. Name one of them default.`,
    );
  }
  const compiled = new Map(Object.entries(templates).map(([name, source]) => [name, compile(source)]));
  const nameFor = ({ tools }: TemplateExtras) =>
    tools !== undefined && compiled.has('tool_use') ? 'tool_use' : 'default';
  const variablesOf = (messages: ReadonlyArray<TemplateMessage>, isPrompt: boolean, extras: TemplateExtras) => ({
    ...special,
    messages: messages.map((message) => ({ ...message })),
    add_generation_prompt: isPrompt,
    // None where absent, as transformers has it.
    tools: extras.tools ?? null,
    documents: extras.documents ?? null,
  });
  const render = (messages: ReadonlyArray<TemplateMessage>, isPrompt: boolean, extras: TemplateExtras = {}) => {
    const template = compiled.get(nameFor(extras));
    try {
      return template === undefined ? '' : evaluate(template, variablesOf(messages, isPrompt, extras));
    } catch (error) {
      return fail(error);
    }
  };
  return {
    hasMarks: /\{%-?\s*generation\s*-?%\}/.test(templates.default),
    render,
    renderMarked(messages, extras = {}) {
      const plain = render(messages, false, extras);
      const variables = variablesOf(messages, false, extras);
      return withMarks(templates[nameFor(extras)] ?? '', plain, (source, marks) => {
        try {
          return evaluate(compile(source), { ...variables, ...marks });
        } catch (error) {
          return fail(error);
        }
      });
    },
  };
}
