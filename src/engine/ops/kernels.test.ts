import { startEngine } from '../backend.ts';
import { expectAllClose, type Values } from '../testing/allClose.ts';
import { presentBackends } from '../testing/backends.ts';
import { OPERATION_CASES, randomValues } from '../testing/cases.ts';
import { evaluate, inputsOf, mixtureOf } from '../testing/evaluate.ts';
import * as tf from '../tf.ts';

const backends = await presentBackends();
test('the wasm back end has the kernels (npm run build:kernels)', async () => {
  await startEngine({ backend: 'wasm' });
  expect(tf.getKernel('FourfoldLinear', 'wasm')).toBeDefined();
});

describe.each(backends)('on %s', (backend) => {
  test.each(OPERATION_CASES.map((operation) => [operation.name, operation] as const))(
    '%s: values and gradients agree with plain operations on cpu, and nothing leaks',
    async (_name, operation) => {
      const inputs = inputsOf(operation);
      await startEngine({ backend: 'cpu' });
      const expected = await evaluate(operation, 'reference', inputs);
      await startEngine({ backend });
      const before = tf.memory().numTensors;
      const actual = await evaluate(operation, 'fused', inputs);
      expect(tf.memory().numTensors).toBe(before);
      for (const [i, output] of expected.outputs.entries()) {
        expectAllClose(actual.outputs[i] as Values, output, { relative: 1e-5 });
      }
      for (const [i, gradient] of expected.gradients.entries()) {
        // Of a query that sees one key the gradient is 0, but for the rounding of a difference of equal sums.
        expectAllClose(actual.gradients[i] as Values, gradient, { relative: 1e-4, absolute: 1e-7 });
      }
    },
  );
});

// The cpu back end is spared: its gradients are held to the others' above.
describe.each(backends.filter((backend) => backend !== 'cpu'))('on %s', (backend) => {
  // Along a random direction d: (f(x + h·d) - f(x - h·d)) / 2h against gradient·d. In float32 with h = 1e-2 the
  // truncation (h²) and the rounding (1e-7 / h) are both near 1e-5 of the function's scale; 1e-2 leaves room.
  test.each(OPERATION_CASES.map((o) => [o.name, o] as const))(
    '%s: the gradient is the finite difference',
    async (_name, operation) => {
      await startEngine({ backend });
      const inputs = inputsOf(operation);
      const { gradients } = await evaluate(operation, 'fused', inputs);
      for (const [i, input] of inputs.entries()) {
        const direction = randomValues(`${operation.name} direction ${i}`, input.length);
        const at = async (step: number): Promise<number> => {
          const moved = inputs.map((values, j) =>
            j === i ? values.map((value, k) => value + step * Number(direction[k])) : values,
          );
          return mixtureOf(operation, (await evaluate(operation, 'fused', moved)).outputs);
        };
        const difference = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2;
        let along = 0;
        let size = 0;
        for (let k = 0; k < direction.length; k++) {
          const part = Number(gradients[i]?.data[k]) * Number(direction[k]);
          along += part;
          size += part * part;
        }
        expect(Math.abs(difference - along)).toBeLessThanOrEqual(
          1e-2 * Math.max(Math.abs(along), Math.sqrt(size), 1e-2),
        );
      }
    },
  );
});
