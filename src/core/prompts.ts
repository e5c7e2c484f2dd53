// Prompt files: JSON Lines of prompts, each id once.
import { FourfoldError } from './errors.ts';
import { parseJson, parseWith } from './jsonl.ts';
import { type Prompt, PromptLine } from './records.ts';

/**
 * Parses a prompt file's text. Blank lines are passed over.
 * @throws bad-input naming the line that is malformed, or both lines of an id that is there twice.
 */
export function parsePrompts(text: string, name: string): Prompt[] {
  const prompts: Prompt[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const number = index + 1;
    const where = `${name}, line ${number}`;
    const prompt = parseWith(PromptLine, parseJson(line, where), where);
    const earlier = lineOf.get(prompt.id);
    if (earlier !== undefined) {
      throw new FourfoldError(
        'bad-input',
        `${name}: the id ${prompt.id} is on line ${earlier} and again on line ${number}. Expected each id once; rename one.`,
      );
    }
    lineOf.set(prompt.id, number);
    prompts.push(prompt);
  }
  return prompts;
}

/** The line that parses back to the prompt: what is null is left out. */
export function promptLineOf(prompt: Prompt): Record<string, unknown> {
  return Object.fromEntries(Object.entries(prompt).filter(([, value]) => value !== null));
}
