// Gradients of token log-probabilities that are computed with the values, beside those computed afterwards.
import { startEngine } from '../backend.ts';
import { randomValues } from '../testing/cases.ts';
import * as tf from '../tf.ts';
import { tokenLogProbs } from './tokenLogProbs.ts';

interface Sizes {
  n: number;
  vocab: number;
  width: number;
}

/** Log-probabilities, and gradients of slope · Σ of them, in plain arrays. */
function evaluate({ n, vocab, width }: Sizes, given: { slope: number; foreseen?: number; isTrained?: boolean }) {
  const { slope, foreseen, isTrained = true } = given;
  return tf.tidy(() => {
    const hidden = tf.variable(tf.tensor(randomValues('hidden', n * width), [n, width]));
    const weight = tf.variable(tf.tensor(randomValues('weight', vocab * width), [vocab, width]), isTrained);
    const targets = tf.tensor1d(
      Array.from({ length: n }, (_, i) => (7 * i + vocab - 1) % vocab),
      'int32',
    );
    let logProbs = new Float32Array();
    const loss = () => {
      const read = tokenLogProbs({ hidden, weight, targets, temperature: 0.7, foreseen });
      logProbs = Float32Array.from(read.logProbs.dataSync());
      return tf.mul(tf.sum(read.logProbs), slope) as tf.Scalar;
    };
    const list = isTrained ? [hidden, weight] : [hidden];
    const { value, grads } = tf.variableGrads(loss, list);
    const gradients = list.map((variable) => Array.from(grads[variable.name]?.dataSync() ?? []));
    const result = { logProbs: Array.from(logProbs), value: value.dataSync()[0], gradients };
    tf.dispose([hidden, weight]);
    return result;
  });
}

describe.each([1, 2])('with %i threads', (threads) => {
  beforeEach(async () => {
    await startEngine({ backend: 'wasm', threads });
  });

  test.each([
    { n: 1, vocab: 1, width: 1 },
    { n: 7, vocab: 9, width: 8 },
    { n: 9, vocab: 1025, width: 7 },
    { n: 33, vocab: 4097, width: 9 },
  ])('a foreseen gradient changes no bit: %j', (sizes) => {
    for (const isTrained of [true, false]) {
      const foreseen = evaluate(sizes, { slope: -0.25, foreseen: -0.25, isTrained });
      expect(foreseen).toEqual(evaluate(sizes, { slope: -0.25, isTrained }));
      expect(foreseen.gradients[0]).toHaveLength(sizes.n * sizes.width);
    }
  });

  test('another gradient than the foreseen one is served all the same', () => {
    const sizes = { n: 9, vocab: 33, width: 7 };
    expect(evaluate(sizes, { slope: 0.5, foreseen: -0.25 })).toEqual(evaluate(sizes, { slope: 0.5 }));
  });
});
