import { randomFrom, seedOf, shuffled } from './random.ts';

test('a seed follows from its parts and from their order and borders', () => {
  expect(seedOf('sft', 1)).toBe(seedOf('sft', 1));
  const seeds = [seedOf('a', 1), seedOf(1, 'a'), seedOf('a1'), seedOf('a', '1'), seedOf('a', 2), seedOf('é')];
  expect(new Set(seeds).size).toBe(seeds.length);
  for (const seed of seeds) expect(seed).toBe(seed >>> 0);
});

test('neighbouring seeds start apart', () => {
  const firsts = Array.from({ length: 1000 }, (_, i) => randomFrom(seedOf('x', i)).uniform());
  const mean = firsts.reduce((sum, value) => sum + value, 0) / 1000;
  // The mean of 1000 uniform numbers has standard error 0.289 / sqrt(1000) = 0.009; five of them is 0.046.
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.046);
});

test('one seed gives one stream', () => {
  const draw = (seed: number) => {
    const random = randomFrom(seed);
    return [random.uniform(), random.normal(), random.integer(10)];
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test('normal numbers have mean 0 and variance 1', () => {
  const random = randomFrom(1);
  const values = Array.from({ length: 10_000 }, () => random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  // Standard errors: 0.01 of the mean, sqrt(2 / 10000) = 0.014 of the variance; five of each.
  expect(Math.abs(mean)).toBeLessThan(0.05);
  expect(Math.abs(variance - 1)).toBeLessThan(0.07);
});

test('integers reach every value below the bound, and none else', () => {
  const random = randomFrom(3);
  const seen = new Set(Array.from({ length: 200 }, () => random.integer(5)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
});

test('a shuffle is a permutation, reaches every order, and leaves the list alone', () => {
  const items = [1, 2, 3];
  const random = randomFrom(5);
  const orders = new Set(Array.from({ length: 200 }, () => shuffled(items, random).join()));
  // 3! = 6 orders.
  expect(orders.size).toBe(6);
  expect(items).toEqual([1, 2, 3]);
});
