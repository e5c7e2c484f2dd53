import { startEngine } from './backend.ts';
import { accumulate, clipFactor, globalNorm, valueAndGradients } from './gradients.ts';
import { presentBackends } from './testing/backends.ts';
import * as tf from './tf.ts';

const backends = await presentBackends();

async function numbers(tensor: tf.Tensor | undefined): Promise<number[]> {
  return tensor === undefined ? [] : Array.from(await tensor.data());
}

describe.each(backends)('on %s', (backend) => {
  beforeEach(async () => {
    await startEngine({ backend });
  });

  test('the value, a gradient for each variable, zeros for one the loss leaves out, and no tensor left over', async () => {
    // L = Σ a² : dL/da = 2a
    const [a, b] = [tf.variable(tf.tensor1d([1, -3])), tf.variable(tf.tensor1d([5]))];
    const before = tf.memory().numTensors;
    const variables = new Map([
      ['a', a],
      ['b', b],
    ]);
    const { value, gradients } = valueAndGradients(variables, () => tf.sum(tf.square(a)) as tf.Scalar);
    expect(await numbers(value)).toEqual([10]);
    expect(await numbers(gradients.get('a'))).toEqual([2, -6]);
    expect(await numbers(gradients.get('b'))).toEqual([0]);
    tf.dispose([value, ...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('the norm is over all gradients, and the factor scales it to the limit', async () => {
    // sqrt(3² + 0² + 4²) = 5; clipped to 1: a fifth (but for the 1e-6 in the divisor)
    const gradients = new Map([
      ['a', tf.tensor([3, 0])],
      ['b', tf.tensor([4], [1, 1])],
    ]);
    const before = tf.memory().numTensors;
    const norm = globalNorm(gradients);
    const factor = clipFactor(norm, 1);
    expect(tf.memory().numTensors).toBe(before + 2);
    expect(await numbers(norm)).toEqual([5]);
    expect(factor.shape).toEqual([]);
    expect((await numbers(factor))[0]).toBeCloseTo(0.2, 6);
  });

  test('the norm of tensors of odd sizes is that of their values', async () => {
    // n values of 1/2 each: sqrt(Σ n / 4)
    const sizes = [4097, 1, 7, 8, 9, 70_001, 4096, 3];
    const gradients = new Map(sizes.map((size, i) => [`g${i}`, tf.fill([size], 0.5)]));
    const all = sizes.reduce((sum, size) => sum + size, 0);
    expect((await numbers(globalNorm(gradients)))[0]).toBeCloseTo(Math.sqrt(all / 4), 3);
  });

  test('gradients within the limit are scaled by exactly 1', async () => {
    expect(await numbers(clipFactor(tf.scalar(0.5), 1))).toEqual([1]);
  });

  test('accumulation adds up and leaves one tensor for each name', async () => {
    const before = tf.memory().numTensors;
    const sum = new Map<string, tf.Tensor>();
    accumulate(sum, new Map([['a', tf.tensor1d([1, 2])]]));
    accumulate(sum, new Map([['a', tf.tensor1d([10, 20])]]));
    expect(await numbers(sum.get('a'))).toEqual([11, 22]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});

test('nothing to train is an error', () => {
  expect(() => valueAndGradients(new Map(), () => tf.scalar(0))).toThrow('at least one variable');
});
