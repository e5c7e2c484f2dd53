import { readFileSync } from 'node:fs';
import { packagePath } from '../core/packageRoot.ts';
import { AdamW } from './adamW.ts';
import { startEngine } from './backend.ts';
import { expectAllClose, type Values, valuesOf } from './testing/allClose.ts';
import { presentBackends } from './testing/backends.ts';
import * as tf from './tf.ts';

const backends = await presentBackends();
const golden: { start: Values; gradients: Values[]; after: Values[] } = JSON.parse(
  readFileSync(packagePath('data', 'goldens', 'engine.json'), 'utf8'),
).adamW;

function variableOf(values: ArrayLike<number>): tf.Variable {
  const initial = tf.tensor1d(Float32Array.from(values));
  const variable = tf.variable(initial);
  initial.dispose();
  return variable;
}

const OPTIONS = { learningRate: 0.1, beta2: 0.95, weightDecay: 0.2 };

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
    optimiser.step(new Map([['w', w]]), new Map([['w', tf.tensor1d([2])]]), 0.5);
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

  test('a copy of the parameter taken before the step keeps its values', async () => {
    const w = variableOf([1, 2, 3, 4, 5]);
    const copy = tf.clone(w);
    const optimiser = new AdamW(OPTIONS);
    optimiser.step(new Map([['w', w]]), new Map([['w', tf.ones([5])]]));
    expect(Array.from(await copy.data())).toEqual([1, 2, 3, 4, 5]);
    expect(Array.from(await w.data())).not.toEqual([1, 2, 3, 4, 5]);
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
