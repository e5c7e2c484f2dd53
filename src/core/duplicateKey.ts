// JSON whose objects name a key twice: JSON.parse keeps the last one without a word. Formats that forbid it are checked here.

/**
 * The first key that an object of the text names twice, or null.
 * @param json text that JSON.parse accepts; strings are compared as they are after unescaping
 */
export function duplicateKey(json: string): string | null {
  // One entry an open bracket: the keys seen in an object, null for a list.
  const open: Array<Set<string> | null> = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;
  let candidate: string | null = null;
  for (let match = token.exec(json); match !== null; match = token.exec(json)) {
    const [text] = match;
    if (text === '{') open.push(new Set());
    else if (text === '[') open.push(null);
    else if (text === '}' || text === ']') open.pop();
    else if (text.startsWith('"')) candidate = text;
    else if (text === ':' && candidate !== null) {
      const key = JSON.parse(candidate) as string;
      const seen = open.at(-1);
      if (seen?.has(key)) return key;
      seen?.add(key);
    }
  }
  return null;
}
