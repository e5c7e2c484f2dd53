import { readFileSync } from 'node:fs';
import { packagePath } from '../core/packageRoot.ts';
import { AdamW } from './adamW.ts';
import { startEngine } from './backend.ts';
import { expectAllClose, type Values, valuesOf } from './testing/allClose.ts';
import { presentBackends } from './testing/backends.ts';
import { variableOver } from './testing/variableOver.ts';
import * as tf from './tf.ts';

const backends = await presentBackends();
const golden: { start: Values; gradients: Values[]; after: Values[] } = JSON.parse(
  readFileSync(packagePath('data', 'goldens', 'engine.json'), 'utf8'),
).adamW;

const variableOf = (values: ArrayLike<number>): tf.Variable => variableOver(tf.tensor1d(Float32Array.from(values)));

const OPTIONS = { learningRate: 0.1, beta2: 0.95, weightDecay: 0.2 };

/** Values of many parameters: fewer than a vector's, one more and one less than whole ones, and enough to be cut. */
const SIZES = [1, 7, 8, 9, 4097, 70_003, 3, 16];
const uniform = (size: number, seed: number): tf.Tensor => tf.randomUniform([size], -1, 1, 'float32', seed);
const variables = (): Map<string, tf.Variable> =>
  new Map(SIZES.map((size, i) => [`p${i}`, variableOver(uniform(size, i))]));
const gradients = (step: number): Map<string, tf.Tensor> =>
  new Map(SIZES.map((size, i) => [`p${i}`, uniform(size, 100 * step + i)]));
/** Every other one decays. */
const MIXED = { ...OPTIONS, decays: (name: string) => Number(name.slice(1)) % 2 === 0 };

describe.each(backends)('AdamW on %s', (backend) => {
  beforeEach(async () => {
    await startEngine({ backend });
  });

  test('three steps are PyTorch’s', async () => {
    const variables = new Map([['w', variableOf(golden.start.data)]]);
    const optimiser = new AdamW(OPTIONS);
    for (const [i, { data }] of golden.gradients.entries()) {
      optimiser.step(variables, new Map([['w', tf.tensor1d(Float32Array.from(data))]]));
      expectAllClose(await valuesOf(variables.get('w') as tf.Variable), golden.after[i] as Values, { relative: 1e-5 });
    }
  });

  test('the first step is what the formula gives by hand', async () => {
    // g = 2, θ = 1, η = 0.1, λ = 0.2: m = 0.2, v = 0.2 (β₂ = 0.95), both corrected to 2 and 4;
    // θ = 1 - 0.1·0.2·1 - 0.1·2/(sqrt(4) + 1e-8) = 0.98 - 0.1 = 0.88
    const w = variableOf([1]);
    const optimiser = new AdamW(OPTIONS);
    optimiser.step(new Map([['w', w]]), new Map([['w', tf.tensor1d([2])]]));
    expectAllClose(await valuesOf(w), { shape: [1], data: [0.88] }, { relative: 1e-6 });
  });

  test('a parameter that decays not, and a learning rate given for one step', async () => {
    // Without decay and at rate 0.5: θ = 1 - 0.5·2/2 = 0.5
    const w = variableOf([1]);
    const optimiser = new AdamW({ ...OPTIONS, decays: (name) => name !== 'w' });
    optimiser.step(new Map([['w', w]]), new Map([['w', tf.tensor1d([2])]]), { learningRate: 0.5 });
    expectAllClose(await valuesOf(w), { shape: [1], data: [0.5] }, { relative: 1e-6 });
  });

  test('resumed from a saved state equals uninterrupted, bit for bit', async () => {
    const run = async (interrupt: boolean): Promise<number[]> => {
      const w = variableOf(golden.start.data);
      let optimiser = new AdamW(OPTIONS);
      for (const [i, { data }] of golden.gradients.entries()) {
        if (interrupt && i === 2) {
          const resumed = new AdamW(OPTIONS);
          resumed.load(optimiser.stepCount, optimiser.state());
          optimiser.dispose();
          optimiser = resumed;
        }
        optimiser.step(new Map([['w', w]]), new Map([['w', tf.tensor1d(Float32Array.from(data))]]));
      }
      expect(optimiser.stepCount).toBe(3);
      return Array.from(await w.data());
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test.each([1, 0.37])(
    'many parameters at once, gradients scaled by %d, are as in plain operations',
    async (factor) => {
      const [ours, plain] = [variables(), variables()];
      const optimisers = [new AdamW(MIXED), new AdamW(MIXED)];
      for (let step = 1; step <= 3; step++) {
        // What another tensor shares is not changed in place, but goes through plain operations.
        const shared = [...plain.values()].map((variable) => tf.clone(variable));
        const scale = tf.scalar(factor);
        optimisers[0]?.step(ours, gradients(step), { scale });
        optimisers[1]?.step(plain, gradients(step), { scale });
        tf.dispose(shared);
      }
      for (const [name, variable] of ours) {
        const expected = await valuesOf(plain.get(name) as tf.Variable);
        expectAllClose(await valuesOf(variable), expected, { relative: 1e-5 });
      }
    },
  );

  test('a scale gives the bits of gradients that were scaled before, and all at once those of one after another', async () => {
    const [together, apart] = [variables(), variables()];
    const optimiser = new AdamW(MIXED);
    const each = new Map(SIZES.map((_, i) => [`p${i}`, new AdamW(MIXED)]));
    const scale = tf.scalar(0.37);
    for (let step = 1; step <= 2; step++) {
      optimiser.step(together, gradients(step), { scale });
      for (const [name, gradient] of gradients(step)) {
        each.get(name)?.step(apart, new Map([[name, tf.mul(gradient, scale)]]));
      }
    }
    for (const [name, variable] of together) {
      expect(Array.from(await variable.data())).toEqual(Array.from((await apart.get(name)?.data()) ?? []));
    }
  });

  test('a copy of a parameter taken before the step keeps its values, and the others change with it', async () => {
    const [w, other] = [variableOf([1, 2, 3, 4, 5]), variableOf([1, 2, 3, 4, 5])];
    const copy = tf.clone(w);
    const optimiser = new AdamW(OPTIONS);
    const both = new Map([
      ['w', w],
      ['other', other],
    ]);
    optimiser.step(both, new Map([...both.keys()].map((name) => [name, tf.ones([5])])));
    expect(Array.from(await copy.data())).toEqual([1, 2, 3, 4, 5]);
    expect(Array.from(await w.data())).not.toEqual([1, 2, 3, 4, 5]);
    expectAllClose(await valuesOf(w), await valuesOf(other), { relative: 1e-6 });
  });

  test('a gradient that is another parameter’s own values is that of before the step', async () => {
    // The gradient of a·b with respect to a is b, and may share its memory.
    const [a, b] = [variableOf([1]), variableOf([2])];
    const optimiser = new AdamW(OPTIONS);
    const both = new Map([
      ['b', b],
      ['a', a],
    ]);
    const shared = new Map([
      ['b', tf.clone(a)],
      ['a', tf.clone(b)],
    ]);
    optimiser.step(both, shared);
    // m of each: (1 - β₁) · gradient
    expect((await optimiser.state().get('a.m')?.data())?.[0]).toBeCloseTo(0.2, 6);
    expect((await optimiser.state().get('b.m')?.data())?.[0]).toBeCloseTo(0.1, 6);
  });

  test('the tensors a state was loaded from keep their values', async () => {
    const state = new Map([
      ['w.m', tf.tensor1d([1, 2, 3, 4])],
      ['w.v', tf.tensor1d([4, 3, 2, 1])],
    ]);
    const optimiser = new AdamW(OPTIONS);
    optimiser.load(7, state);
    optimiser.step(new Map([['w', variableOf([0, 0, 0, 0])]]), new Map([['w', tf.tensor1d([9, 9, 9, 9])]]));
    expect(Array.from((await state.get('w.m')?.data()) ?? [])).toEqual([1, 2, 3, 4]);
    expect(Array.from((await state.get('w.v')?.data()) ?? [])).toEqual([4, 3, 2, 1]);
    expect(optimiser.stepCount).toBe(8);
  });

  test('a variable that is left out of some steps keeps its value and moments', async () => {
    const optimiser = new AdamW(OPTIONS);
    const variables = new Map(['a', 'b'].map((name) => [name, variableOf([1, 2])]));
    const gradients = (...names: string[]) => new Map(names.map((name) => [name, tf.tensor1d([3, -1])]));
    optimiser.step(variables, gradients('a', 'b'));
    const momentsOfB = async () =>
      Promise.all(['b.m', 'b.v'].map(async (key) => Array.from((await optimiser.state().get(key)?.data()) ?? [])));
    const [moments, value] = [await momentsOfB(), Array.from((await variables.get('b')?.data()) ?? [])];
    optimiser.step(variables, gradients('a'));
    optimiser.step(new Map([['a', variables.get('a') as tf.Variable]]), gradients('a'));
    expect(await momentsOfB()).toEqual(moments);
    expect(Array.from((await variables.get('b')?.data()) ?? [])).toEqual(value);
    expect(optimiser.stepCount).toBe(3);
  });

  test('a step leaves the tensor count as it was, and dispose frees the moments', () => {
    const [w, gradient] = [variableOf([1, 2, 3]), tf.ones([3])];
    const before = tf.memory().numTensors;
    const optimiser = new AdamW(OPTIONS);
    optimiser.step(new Map([['w', w]]), new Map([['w', gradient]]));
    optimiser.step(new Map([['w', w]]), new Map([['w', gradient]]));
    expect(tf.memory().numTensors).toBe(before + 2);
    optimiser.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a state that lacks a moment is refused by name', () => {
    const optimiser = new AdamW(OPTIONS);
    expect(() => optimiser.load(1, new Map([['w.m', tf.ones([1])]]))).toThrow('w.v');
  });
});
