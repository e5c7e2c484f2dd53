// Proof that a back end works: a matrix product and a gradient whose values are known.
import { FourfoldError } from '../core/errors.ts';
import { type BackendName, startEngine } from './backend.ts';
import { aboutBackend } from './survey.ts';
import type { Tensor2D } from './tf.ts';

export interface Verified {
  backend: BackendName;
  /** What the back end says of itself; null where it says nothing. */
  about: string | null;
  /** Version of the library beneath; null where the back end is tfjs's own. */
  version: string | null;
}

/**
 * Starts the back end and computes with it.
 * @throws unsupported where it does not start, or computes something else
 */
export async function verifyBackend(backend: BackendName | 'auto'): Promise<Verified> {
  const started = await startEngine({ backend });
  const tf = await import('./tf.ts');
  // [1 2; 3 4]·[5 6; 7 8] = [19 22; 43 50]
  const a = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const b = tf.tensor2d([5, 6, 7, 8], [2, 2]);
  // d Σ (A·B) / dA = 1·Bᵀ: row sums of B, in each row
  const gradientOf = tf.grad((x) => tf.sum(tf.matMul(x as Tensor2D, b)));
  const product = tf.matMul(a, b);
  const gradient = gradientOf(a);
  const [values, slopes] = [Array.from(await product.data()), Array.from(await gradient.data())];
  tf.dispose([a, b, product, gradient]);
  expectValues(started.backend, 'a matrix product', values, [19, 22, 43, 50]);
  expectValues(started.backend, 'a gradient', slopes, [11, 15, 11, 15]);
  const native =
    started.backend === 'tensorflow' ? (await import('./backends/tensorflow.ts')).runningTensorflow() : null;
  return { backend: started.backend, about: await aboutBackend(started.backend), version: native?.version ?? null };
}

function expectValues(backend: BackendName, what: string, actual: number[], expected: number[]): void {
  if (actual.length === expected.length && actual.every((value, i) => value === expected[i])) return;
  throw new FourfoldError(
    'unsupported',
    `Expected ${what} of [${expected}] from the back end ${backend}; got [${actual}]. Its library is broken; use another one.`,
  );
}
