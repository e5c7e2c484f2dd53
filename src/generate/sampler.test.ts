import { argmax, sampleToken } from './sampler.ts';

/** Logits whose softmax at temperature 1 is this distribution. */
const logitsOf = (...probabilities: number[]) => Float32Array.from(probabilities, (p) => Math.log(p));
const OFF = { temperature: 1, topK: 0, topP: 1 };

/** How often each token comes over a grid of uniforms: the length of its piece of [0, 1). */
function shares(logits: Float32Array, options: typeof OFF, steps = 1000): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < steps; i++) {
    const token = sampleToken(logits, options, (i + 0.5) / steps);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / steps);
}

describe('greedy', () => {
  test('the largest logit; the first of equals, whatever the uniform', () => {
    const logits = Float32Array.of(1, 5, 5, -2);
    expect(argmax(logits)).toBe(1);
    for (const uniform of [0, 0.5, 0.999999]) {
      expect(sampleToken(logits, { ...OFF, temperature: 0 }, uniform)).toBe(1);
      expect(sampleToken(logits, { ...OFF, topK: 1 }, uniform)).toBe(1);
      // The smallest top-p still keeps one token, and among equals the first.
      expect(sampleToken(logits, { ...OFF, topP: 1e-9 }, uniform)).toBe(1);
    }
    expect(argmax(Float32Array.of(-3, -1, -2))).toBe(1);
  });
});

describe('inverse of the cumulative distribution', () => {
  // Cumulative: 0.125, 0.375, 0.875, 1: in eighths, 1, 3, 7, 8. Powers of two, so that the borders are exact.
  const logits = logitsOf(0.125, 0.25, 0.5, 0.125);

  test.each([
    [0, 0],
    [0.124, 0],
    [0.126, 1],
    [0.374, 1],
    [0.376, 2],
    [0.874, 2],
    [0.876, 3],
    [1 - 2 ** -32, 3],
  ])('uniform %d gives token %d', (uniform, token) => {
    expect(sampleToken(logits, OFF, uniform)).toBe(token);
  });

  test('a border belongs to the next token, exactly', () => {
    // Equal logits: weights exp(0) = 1 each, probabilities exactly 1/4.
    const equal = new Float32Array(4);
    expect([0, 0.25, 0.5, 0.75].map((uniform) => sampleToken(equal, OFF, uniform))).toEqual([0, 1, 2, 3]);
    expect([0.2499999, 0.4999999, 0.7499999].map((uniform) => sampleToken(equal, OFF, uniform))).toEqual([0, 1, 2]);
  });

  test('a token of probability 0 is never drawn, not even by uniform 0', () => {
    const logits = Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY);
    expect(shares(logits, OFF)).toEqual([0, 1, 0]);
    expect(sampleToken(logits, OFF, 0)).toBe(1);
  });
});

describe('temperature', () => {
  test('divides the logits', () => {
    // Weights 1 : 4 at temperature 2 are 1 : sqrt(4) = 1 : 2; at 0.5 they are 1 : 16.
    const logits = Float32Array.of(0, Math.log(4));
    expect(shares(logits, { ...OFF, temperature: 2 }, 999)).toEqual([333 / 999, 666 / 999]);
    expect(shares(logits, { ...OFF, temperature: 0.5 }, 1700)).toEqual([100 / 1700, 1600 / 1700]);
  });

  test('very large logits and very low temperatures stay finite', () => {
    expect(shares(Float32Array.of(3e38, -3e38, 1), { ...OFF, temperature: 1e-30 })).toEqual([1, 0, 0]);
    expect(shares(Float32Array.of(-1e30, -1e30), OFF)).toEqual([0.5, 0.5]);
  });
});

describe('filters', () => {
  const logits = logitsOf(0.1, 0.4, 0.2, 0.3);

  test('top-k keeps the k most probable and rescales', () => {
    // 0.4 and 0.3 of 0.7: 4/7 and 3/7.
    expect(shares(logits, { ...OFF, topK: 2 }, 700)).toEqual([0, 400 / 700, 0, 300 / 700]);
    expect(shares(logits, { ...OFF, topK: 9 })).toEqual(shares(logits, { ...OFF, topK: 4 }));
  });

  test('top-k among equals keeps those of the lowest ids', () => {
    expect(shares(new Float32Array(4), { ...OFF, topK: 2 })).toEqual([0.5, 0.5, 0, 0]);
  });

  test('top-p keeps the smallest set that reaches p', () => {
    // In order 0.4, 0.3, 0.2, 0.1; sums 0.4, 0.7, 0.9, 1.
    // p = 0.65: {0.4, 0.3}; p = 0.75: {0.4, 0.3, 0.2} of 0.9; p = 0.3: {0.4} alone.
    expect(shares(logits, { ...OFF, topP: 0.65 }, 700)).toEqual([0, 400 / 700, 0, 300 / 700]);
    expect(shares(logits, { ...OFF, topP: 0.75 }, 900)).toEqual([0, 400 / 900, 200 / 900, 300 / 900]);
    expect(shares(logits, { ...OFF, topP: 0.3 })).toEqual([0, 1, 0, 0]);
  });

  test('a set that reaches p exactly is enough', () => {
    // Four equal tokens of exactly 1/4: two of them reach 0.5.
    expect(shares(new Float32Array(4), { ...OFF, topP: 0.5 })).toEqual([0.5, 0.5, 0, 0]);
  });

  test('top-p counts within what top-k kept', () => {
    // top-k 2 leaves 4/7 = 0.571 and 3/7; p = 0.5 is reached by the first alone, though it has only 0.4 of all.
    expect(shares(logits, { ...OFF, topK: 2, topP: 0.5 })).toEqual([0, 1, 0, 0]);
    expect(shares(logits, { ...OFF, topP: 0.5 }, 700)).toEqual([0, 400 / 700, 0, 300 / 700]);
  });

  test('filters look at probabilities after the temperature', () => {
    // Weights 1 : 4 : 2 : 3 squared (temperature 0.5): 1, 16, 4, 9 of 30; the first has 0.533 and reaches 0.5.
    expect(shares(logits, { temperature: 0.5, topK: 0, topP: 0.5 })).toEqual([0, 1, 0, 0]);
  });
});

test.each([
  ['NaN', [Number.NaN, Number.NaN]],
  ['plus infinity', [0, Number.POSITIVE_INFINITY]],
  ['minus infinity everywhere', [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]],
])('%s in the logits is an error, not a token', (_name, values) => {
  for (const temperature of [0, 1]) {
    expect(() => sampleToken(Float32Array.from(values), { ...OFF, temperature }, 0.5)).toThrow(
      expect.objectContaining({ code: 'not-finite' }),
    );
  }
});
