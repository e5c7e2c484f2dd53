// Our kernels in C++ within TensorFlow, where an installation has them: bits that hang on nothing but the input, and the
// memory that they change in place. That they agree with their references is tested with those of all back ends.
import { AdamW } from '../adamW.ts';
import { startEngine } from '../backend.ts';
import { clipFactor, globalNorm } from '../gradients.ts';
import { attention } from '../ops/attention.ts';
import { linear } from '../ops/linear.ts';
import { tokenLogProbs } from '../ops/tokenLogProbs.ts';
import { randomValues } from '../testing/cases.ts';
import { variableOver } from '../testing/variableOver.ts';
import * as tf from '../tf.ts';
import { nativeModule } from './native.ts';
import { quietly } from './quietly.ts';

const isThere = await startEngine({ backend: 'tensorflow', threads: 2 }).then(
  () => nativeModule() !== null,
  () => false,
);
if (!isThere) process.stderr.write('nativeKernels.test.ts skips: no TensorFlow with our kernels is installed\n');
const testIf = isThere ? test : test.skip;

const random = (name: string, shape: number[]): tf.Tensor =>
  tf.tensor(randomValues(name, tf.util.sizeFromShape(shape)), shape);
const bits = (x: tf.Tensor): Int32Array => new Int32Array(Float32Array.from(x.dataSync()).buffer);

afterEach(() => nativeModule()?.setThreads(2));

testIf('a result that no memory can hold is an error, and the next one is right', () => {
  // 2²⁴ · 2²⁴ values of four bytes are a pebibyte; the operands have no values at all.
  const before = tf.memory().numTensors;
  const none = tf.zeros([2 ** 24, 0]);
  // TensorFlow waits ten seconds for memory, and tells all that it has.
  expect(() => quietly(() => linear(none, none))).toThrow('OOM when allocating tensor');
  none.dispose();
  const [x, weight] = [tf.ones([2, 3]), tf.ones([1, 3])];
  const y = linear(x, weight);
  expect(Array.from(y.dataSync())).toEqual([3, 3]);
  tf.dispose([x, weight, y]);
  expect(tf.memory().numTensors).toBe(before);
});

testIf('a decoder that no memory can hold is an error', () => {
  // vocab, hidden, intermediate, layers, heads, kvHeads, headDim, slots, capacity, epsilon, attentionScale
  const shape = Float64Array.of(8, 8, 8, 1, 1, 1, 8, 2 ** 20, 2 ** 30, 1e-5, 1);
  expect(() => nativeModule()?.makeDecoder(shape)).toThrow('Expected memory for the decoder');
});

testIf('a row of a product has the same bits alone and among others', () => {
  const [x, weight, bias] = [random('x', [301, 259]), random('weight', [517, 259]), random('bias', [517])];
  const all = linear(x, weight, bias);
  for (const [from, count] of [
    [0, 1],
    [17, 13],
    [290, 11],
  ] as const) {
    const some = linear(tf.slice(x, [from, 0], [count, 259]), weight, bias);
    expect(bits(some)).toEqual(bits(tf.slice(all, [from, 0], [count, 517])));
  }
});

testIf('values and gradients have the same bits with any number of threads', () => {
  const [x, weight] = [random('x', [220, 130]), random('weight', [1030, 130])];
  const heads = random('heads', [3, 65, 4, 33]);
  const [targets, keyStart] = [tf.range(0, 220, 1, 'int32'), tf.tensor1d([0, 7, 64], 'int32')];
  const compute = (): Int32Array[] => {
    const loss = (a: tf.Tensor, w: tf.Tensor, q: tf.Tensor): tf.Scalar => {
      const { logProbs } = tokenLogProbs({ hidden: a, weight: w, targets });
      return tf.add(tf.sum(logProbs), tf.sum(tf.square(attention({ query: q, key: q, value: q, keyStart }))));
    };
    const { value, grads } = tf.valueAndGrads(loss as (...given: tf.Tensor[]) => tf.Scalar)([x, weight, heads]);
    return [value, ...grads].map(bits);
  };
  nativeModule()?.setThreads(1);
  const single = compute();
  for (const threads of [2, 5]) {
    nativeModule()?.setThreads(threads);
    expect(compute()).toEqual(single);
  }
});

testIf('the norm and an optimiser step have the same bits with any number of threads', () => {
  const sizes = [1, 7, 300_007, 8, 9, 4097, 3, 65_537, 12, 2];
  const compute = (): Int32Array[] => {
    const variables = new Map(sizes.map((size, i) => [`${i}`, variableOver(random(`value ${i}`, [size]))]));
    const gradients = new Map(sizes.map((size, i) => [`${i}`, random(`gradient ${i}`, [size])]));
    const optimizer = new AdamW({ learningRate: 0.01, weightDecay: 0.1, decays: (name) => Number(name) % 2 === 0 });
    const norm = globalNorm(gradients);
    optimizer.step(variables, gradients, { scale: clipFactor(norm, 1) });
    return [norm, ...variables.values(), ...optimizer.state().values()].map(bits);
  };
  nativeModule()?.setThreads(1);
  const single = compute();
  for (const threads of [2, 5]) {
    nativeModule()?.setThreads(threads);
    expect(compute()).toEqual(single);
  }
});

testIf('the optimiser changes no array of JavaScript that a variable was made from, and no clone of it', () => {
  // 64 bytes of alignment are what lets TensorFlow share an array's memory; one of many offsets has it.
  for (let offset = 0; offset < 16; offset++) {
    const array = new Float32Array(4096 + 16).subarray(offset, offset + 4096).fill(0.5);
    const variable = tf.variable(tf.tensor1d(array));
    const gradient = tf.ones([4096]);
    const clone = tf.clone(variable);
    const optimizer = new AdamW({ learningRate: 0.1 });
    optimizer.step(new Map([['w', variable]]), new Map([['w', gradient]]));
    expect(new Set(array)).toEqual(new Set([0.5]));
    expect(new Set(clone.dataSync())).toEqual(new Set([0.5]));
    clone.dispose();
    optimizer.step(new Map([['w', variable]]), new Map([['w', gradient]]));
    // Two steps of Adam with a constant gradient are two of the learning rate.
    expect(variable.dataSync()[7]).toBeCloseTo(0.3, 5);
    expect(new Set(array)).toEqual(new Set([0.5]));
    optimizer.dispose();
    tf.dispose([variable, gradient]);
  }
});

testIf('ids beyond a table are an error that says so', () => {
  const [hidden, weight] = [random('x', [2, 3]), random('weight', [5, 3])];
  const targets = tf.tensor1d([1, 5], 'int32');
  expect(() => tokenLogProbs({ hidden, weight, targets })).toThrow('numbers below 5; got 5');
});
