// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), its moments keyed by parameter name.
import { FourfoldError } from '../core/errors.ts';
import { hasKernel, runKernels } from './ops/checks.ts';
import * as tf from './tf.ts';

export interface AdamWOptions {
  learningRate: number;
  /** Decay rate of the first moment. */
  beta1?: number;
  /** Decay rate of the second moment. */
  beta2?: number;
  /** Added to the root of the corrected second moment, outside the root. */
  epsilon?: number;
  /** Decoupled: the parameter shrinks by learningRate · weightDecay each step. */
  weightDecay?: number;
  /** Which parameters decay, by name; all where absent. */
  decays?: (name: string) => boolean;
}

interface Moments {
  m: tf.Variable;
  v: tf.Variable;
}

/** One optimiser; it owns its moments, and `dispose` frees them. */
export class AdamW {
  readonly #options: Required<AdamWOptions>;
  readonly #moments = new Map<string, Moments>();
  #stepCount = 0;

  constructor(options: AdamWOptions) {
    this.#options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decays: () => true, ...options };
  }

  /** How many steps were taken. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /**
   * One update of every variable that has a gradient. The caller keeps and disposes the gradients.
   *
   * θ ← θ - η·λ·θ - η · (m / (1 - β₁ᵗ)) / (sqrt(v / (1 - β₂ᵗ)) + ε)
   *
   * @param learningRate η of this step, for schedules; the constructor's where absent
   */
  step(
    variables: Map<string, tf.Variable>,
    gradients: Map<string, tf.Tensor>,
    learningRate: number = this.#options.learningRate,
  ): void {
    this.#stepCount += 1;
    for (const [name, gradient] of gradients) {
      const variable = variables.get(name);
      if (variable === undefined) {
        throw new FourfoldError('internal', `AdamW: expected a variable for the gradient ${name}; there is none.`);
      }
      this.#update(name, variable, gradient, learningRate);
    }
  }

  #update(name: string, variable: tf.Variable, gradient: tf.Tensor, learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay, decays } = this.#options;
    const { m, v } = this.#momentsOf(name, variable.shape);
    const decay = decays(name) ? weightDecay : 0;
    const corrected1 = 1 - beta1 ** this.#stepCount;
    const corrected2 = 1 - beta2 ** this.#stepCount;
    if (hasKernel('FourfoldAdamW', variable, gradient) && [variable, m, v].every(ownsItsValues)) {
      const attributes = {
        ...{ beta1, beta2, epsilon },
        ...{ rate: learningRate / corrected1, rootScale: 1 / Math.sqrt(corrected2), keep: 1 - learningRate * decay },
      };
      runKernels('FourfoldAdamW', { value: variable, m, v, gradient }, attributes);
      return;
    }
    tf.tidy(() => {
      m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)));
      v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
      const deviation = tf.add(tf.div(tf.sqrt(v), Math.sqrt(corrected2)), epsilon);
      const update = tf.mul(tf.div(m, deviation), learningRate / corrected1);
      variable.assign(tf.sub(tf.mul(variable, 1 - learningRate * decay), update));
    });
  }

  #momentsOf(name: string, shape: number[]): Moments {
    let moments = this.#moments.get(name);
    if (moments === undefined) {
      moments = { m: newMoment(tf.zeros(shape)), v: newMoment(tf.zeros(shape)) };
      this.#moments.set(name, moments);
    }
    return moments;
  }

  /** The moments as `${name}.m` and `${name}.v`; views of the optimiser's own tensors: read them, do not dispose them. */
  state(): Map<string, tf.Tensor> {
    const state = new Map<string, tf.Tensor>();
    for (const [name, { m, v }] of this.#moments) state.set(`${name}.m`, m).set(`${name}.v`, v);
    return state;
  }

  /**
   * Takes up where a saved state left off.
   *
   * @param step the saved stepCount
   * @param state as `state()` gave it; copied, so the caller keeps and disposes its tensors
   * @throws FourfoldError 'bad-model' where a moment lacks its partner
   */
  load(step: number, state: Map<string, tf.Tensor>): void {
    this.dispose();
    this.#stepCount = step;
    for (const key of state.keys()) {
      const name = key.slice(0, -2);
      const [m, v] = [state.get(`${name}.m`), state.get(`${name}.v`)];
      if (m === undefined || v === undefined) {
        throw new FourfoldError(
          'bad-model',
          `AdamW: expected both ${name}.m and ${name}.v in the saved state; got ${key} alone. The checkpoint is incomplete.`,
        );
      }
      if (!this.#moments.has(name)) this.#moments.set(name, { m: newMoment(tf.clone(m)), v: newMoment(tf.clone(v)) });
    }
  }

  /** Frees the moments; the step count goes back to 0. */
  dispose(): void {
    for (const { m, v } of this.#moments.values()) tf.dispose([m, v]);
    this.#moments.clear();
    this.#stepCount = 0;
  }
}

/** Whether no other tensor shares the variable's values, so that they may change in place. */
function ownsItsValues(variable: tf.Variable): boolean {
  return tf.backend().refCount(variable.dataId) === 1;
}

/** A variable over `initial`, which it takes over. */
function newMoment(initial: tf.Tensor): tf.Variable {
  const moment = tf.variable(initial, false);
  initial.dispose();
  return moment;
}
