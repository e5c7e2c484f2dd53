import { parseRatings, type RatingColumns } from './readRatings.ts';

const columns = (over: Partial<RatingColumns> = {}): RatingColumns => ({
  item: null,
  raters: null,
  rater: 'rater',
  value: 'value',
  missing: [],
  ...over,
});
const TABLE = {
  items: ['a', 'b'],
  raters: ['r1', 'r2'],
  values: [
    [1, 2],
    [1, null],
  ],
};

test.each([
  ['wide CSV', 'x.csv', 'id,r1,r2\na,1,2\nb,1,\n'],
  ['wide TSV', 'x.tsv', 'id\tr1\tr2\na\t1\t2\nb\t1\t\n'],
  ['CSV with a byte order mark, CRLF and quotes', 'x.csv', '\ufeffid,r1,r2\r\n"a",1,2\r\n"b","1",""\r\n'],
  ['wide JSON', 'x.json', '[{"id":"a","r1":1,"r2":2},{"id":"b","r1":1,"r2":null}]'],
  ['wide JSON Lines', 'x.jsonl', '{"id":"a","r1":1,"r2":2}\n{"id":"b","r1":1}\n'],
  ['long CSV', 'x.csv', 'item,rater,value\na,r1,1\na,r2,2\nb,r1,1\n'],
  [
    'long JSON Lines in a file of any name',
    'ratings',
    '{"item":"a","rater":"r1","value":1}\n{"item":"a","rater":"r2","value":2}\n{"item":"b","rater":"r1","value":1}\n',
  ],
])('reads %s', (_name, file, text) => {
  expect(parseRatings(text, file, columns())).toEqual(TABLE);
});

test('takes the named columns only, and the row where nothing names the item', () => {
  const text = 'prompt,ada,bela\nhello,good,bad\nhello,good,NA\n';
  expect(parseRatings(text, 'x.csv', columns({ raters: ['ada', 'bela'], missing: ['NA'] }))).toEqual({
    items: ['1', '2'],
    raters: ['ada', 'bela'],
    values: [
      ['good', 'bad'],
      ['good', null],
    ],
  });
});

test('reads a bare matrix: rows are items, columns raters', () => {
  expect(parseRatings('[[1,2],[3,null]]', 'x.json', columns()).values).toEqual([
    [1, 2],
    [3, null],
  ]);
});

test.each([
  ['a column that is not there', 'id,r1\na,1\n', { raters: ['r1', 'r9'] }, 'expected a column "r9", got id, r1'],
  ['an item twice in the wide form', 'id,r1,r2\na,1,2\na,1,2\n', {}, 'row 2: expected one row an item, got a again'],
  ['an empty file', '', {}, 'expected at least one row'],
  ['a torn quote', 'id,r1,r2\na,"1,2\n', {}, 'Quoted field unterminated'],
])('refuses %s', (_name, text, over, message) => {
  expect(() => parseRatings(text, 'x.csv', columns(over))).toThrow(message);
});

test('refuses columns that nobody named and that hold no labels', () => {
  const text = ['key,a,b', ...Array.from({ length: 200 }, (_, i) => `k${i},1,2`)].join('\n');
  expect(() => parseRatings(text, 'x.csv', columns())).toThrow('got "key" with 200 different values');
  expect(parseRatings(text, 'x.csv', columns({ item: 'key' })).raters).toEqual(['a', 'b']);
});

test('refuses an object where a rating should be', () => {
  expect(() => parseRatings('[{"id":1,"a":{},"b":1}]', 'x.json', columns())).toThrow('row 1, a: expected a number');
});
