// What zod found wrong, as one plain sentence: what was expected where, and what came.
import type { z } from 'zod';

const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};
const SHOWN_CHARS = 60;
const SHOWN_ISSUES = 3;

function valueAt(value: unknown, path: ReadonlyArray<PropertyKey>): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );
}

/** The value as JSON, cut where it is long; 'nothing' where there is none. */
function shown(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'nothing';
  } catch {
    return 'a value nested too deep to show';
  }
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}...`;
}

const quoted = (values: ReadonlyArray<unknown>) => values.map((value) => JSON.stringify(value)).join(', ');

/** What the issue expected, without zod's own account of what came. */
function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? quoted(issue.values) : `one of ${quoted(issue.values)}`;
    case 'unrecognized_keys':
      return `no key ${quoted(issue.keys)}`;
    default: {
      // 'Too small: expected string to have >=1 characters', 'expected either prompt or messages', 'Invalid ISO datetime'
      const [, wanted] = /expected (.*)/i.exec(issue.message) ?? [];
      return wanted?.replace(/, received .*/, '') ?? `something else (${issue.message})`;
    }
  }
}

/** 'expected text at "prompt", got 5.'; several faults follow one another, the first three are told. */
export function sentenceOf(error: z.ZodError, value: unknown): string {
  const parts = error.issues.slice(0, SHOWN_ISSUES).map((issue) => {
    const place = issue.path.length === 0 ? '' : ` at ${JSON.stringify(issue.path.map(String).join('.'))}`;
    // The keys are what came; the rest of the object is not at fault.
    if (issue.code === 'unrecognized_keys') return `expected ${expectedBy(issue)}${place}`;
    return `expected ${expectedBy(issue)}${place}, got ${shown(valueAt(value, issue.path))}`;
  });
  const more = error.issues.length - parts.length;
  return `${parts.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
}
