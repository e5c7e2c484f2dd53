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

export interface StepOptions {
  /** η of this step, for schedules; the constructor's where absent. */
  learningRate?: number;
  /** Scalar that the gradients are multiplied by first, as `clipFactor` gives it. */
  scale?: tf.Scalar;
}

interface Moments {
  m: tf.Variable;
  v: tf.Variable;
}

/** One parameter of a step; all tensors have its shape. */
interface Update extends Moments {
  value: tf.Variable;
  gradient: tf.Tensor;
  /** What is left of the value after decay, 1 - ηλ. */
  keep: number;
}

/** Numbers of a step that all parameters share. */
interface Rates {
  /** η / (1 - β₁ᵗ) */
  rate: number;
  /** sqrt(1 - β₂ᵗ) */
  root: number;
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
   */
  step(
    variables: Map<string, tf.Variable>,
    gradients: Map<string, tf.Tensor>,
    { learningRate = this.#options.learningRate, scale }: StepOptions = {},
  ): void {
    this.#stepCount += 1;
    const { beta1, beta2, weightDecay, decays } = this.#options;
    const rates = {
      rate: learningRate / (1 - beta1 ** this.#stepCount),
      root: Math.sqrt(1 - beta2 ** this.#stepCount),
    };
    const inPlace: Update[] = [];
    for (const [name, gradient] of gradients) {
      const value = variables.get(name);
      if (value === undefined) {
        throw new FourfoldError('internal', `AdamW: expected a variable for the gradient ${name}; there is none.`);
      }
      const keep = 1 - learningRate * (decays(name) ? weightDecay : 0);
      const update = { value, gradient, keep, ...this.#momentsOf(name, value.shape) };
      if (canChangeInPlace(update)) inPlace.push(update);
      else this.#replace(update, rates, scale);
    }
    if (inPlace.length > 0) this.#changeInPlace(inPlace, rates, scale);
  }

  /** All parameters in one call of the kernel, which gets the tensors of parameter i as `value${i}` and so on. */
  #changeInPlace(updates: Update[], { rate, root }: Rates, scale: tf.Scalar | undefined): void {
    const { beta1, beta2, epsilon } = this.#options;
    tf.tidy(() => {
      const inputs: Record<string, tf.Tensor> = { scale: scale ?? tf.scalar(1) };
      for (const [i, { value, m, v, gradient }] of updates.entries()) {
        inputs[`value${i}`] = value;
        inputs[`m${i}`] = m;
        inputs[`v${i}`] = v;
        inputs[`gradient${i}`] = gradient;
      }
      const keeps = updates.map(({ keep }) => keep);
      runKernels('FourfoldAdamW', inputs, { beta1, beta2, epsilon, rate, rootScale: 1 / root, keeps });
    });
  }

  /** One parameter in plain operations. */
  #replace({ value, m, v, gradient, keep }: Update, { rate, root }: Rates, scale: tf.Scalar | undefined): void {
    const { beta1, beta2, epsilon } = this.#options;
    tf.tidy(() => {
      const scaled = scale === undefined ? gradient : tf.mul(gradient, scale);
      m.assign(tf.add(tf.mul(m, beta1), tf.mul(scaled, 1 - beta1)));
      v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(scaled), 1 - beta2)));
      const update = tf.mul(tf.div(m, tf.add(tf.div(tf.sqrt(v), root), epsilon)), rate);
      value.assign(tf.sub(tf.mul(value, keep), update));
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

/** Whether the back end has the kernel, and no other tensor shares the values that it would change. */
function canChangeInPlace({ value, m, v, gradient }: Update): boolean {
  return hasKernel('FourfoldAdamW', value, gradient) && [value, m, v].every(ownsItsValues);
}

function ownsItsValues(variable: tf.Variable): boolean {
  return tf.backend().refCount(variable.dataId) === 1;
}

/** A variable over `initial`, which it takes over. */
function newMoment(initial: tf.Tensor): tf.Variable {
  const moment = tf.variable(initial, false);
  initial.dispose();
  return moment;
}
