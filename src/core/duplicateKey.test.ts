import { duplicateKey } from './duplicateKey.ts';

test.each([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":{"b":1,"c":[],"b":2}}', 'b'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['[{"x":1},{"x":1,"y":{"z":0},"x":2}]', 'x'],
  ['{"a\\"":1,"b":":","a\\"":2}', 'a"'],
])('%s names %s twice', (json, key) => {
  expect(duplicateKey(json)).toBe(key);
});

test.each(['{}', '1', '"a"', '{"a":1,"b":{"a":1}}', '[{"a":1},{"a":1}]', '{"a":"b","b":"a:{","c":["a","a"]}'])(
  '%s names none twice',
  (json) => {
    expect(duplicateKey(json)).toBeNull();
  },
);

test('a text as deep as it is long takes no more than its length warrants', () => {
  expect(duplicateKey('['.repeat(1e6) + ']'.repeat(1e6))).toBeNull();
});
