// JSON that keeps apart 30 and 30.0. To JavaScript both are 30; transformers refuses a whole number where it wants a float,
// so a configuration that is read and written again must say 30.0 where it did.

// A marked number is a text that begins with a NUL and `float:`, as no text of a configuration does.
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARKED = /"\\u0000float:(-?\d[\d.eE+-]*)"/g;

/** The values of a JSON text, whole numbers that are written as floats kept as marked texts. @throws SyntaxError */
export function parseKeepingFloats(text: string): unknown {
  const marked = text.replace(TOKENS, (token) => {
    const isWholeFloat = !token.startsWith('"') && /[.eE]/.test(token) && Number.isInteger(Number(token));
    return isWholeFloat ? `"\\u0000float:${token}"` : token;
  });
  return JSON.parse(marked);
}

/** JSON of values from parseKeepingFloats, two spaces deep, the floats as they were. */
export function stringifyWithFloats(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(MARKED, '$1');
}
