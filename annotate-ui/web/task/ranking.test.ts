import { groupsOf, moved, placed, type Ranking, rankingOf, rankOf, removed, tieSwitched } from './ranking.ts';

const written = (ranking: Ranking) =>
  groupsOf(ranking)
    .map((group) => group.join('='))
    .join('>');
const read = (text: string) => rankingOf(text === '' ? [] : text.split('>').map((group) => group.split('=')));

describe('a ranking', () => {
  test.each([
    ['', 'a', 0, 'a'],
    ['a>b', 'c', 2, 'a>b>c'],
    ['a>b>c', 'c', 0, 'c>a>b'],
    ['a>b>c', 'a', 1, 'b>a>c'],
    ['a=b', 'c', 1, 'a>c>b'], // put between two level ones, it parts them
    ['a', 'b', 99, 'a>b'],
  ])('%s with %s put at %i is %s', (before, id, index, after) => {
    expect(written(placed(read(before), id, index))).toBe(after);
  });

  test.each([
    ['a>b>c', 'b', 'a>c'],
    ['a=b=c', 'a', 'b=c'],
    ['a=b=c', 'b', 'a=c'],
    ['a>b=c', 'b', 'a>c'],
    ['a', 'z', 'a'],
  ])('%s without %s is %s', (before, id, after) => {
    expect(written(removed(read(before), id))).toBe(after);
  });

  test('moves by steps, stops at the ends, and takes in what has no place yet', () => {
    expect(written(moved(read('a>b>c'), 'b', -1))).toBe('b>a>c');
    expect(written(moved(read('a>b>c'), 'b', 1))).toBe('a>c>b');
    expect(written(moved(read('a>b'), 'a', -1))).toBe('a>b');
    expect(written(moved(read('a>b'), 'c', -1))).toBe('a>b>c');
  });

  test('a tie is made with the one before; the first has none', () => {
    expect(written(tieSwitched(read('a>b>c'), 'b'))).toBe('a=b>c');
    expect(written(tieSwitched(read('a=b>c'), 'b'))).toBe('a>b>c');
    expect(written(tieSwitched(read('a>b'), 'a'))).toBe('a>b');
  });

  test('ranks count those above, level replies share one', () => {
    const ranking = read('a=b>c');
    expect(['a', 'b', 'c', 'd'].map((id) => rankOf(ranking, id))).toEqual([1, 1, 3, null]);
  });
});
