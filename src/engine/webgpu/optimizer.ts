// What an optimiser's step needs on webgpu: the norm of all gradients, the factor that clips them, and AdamW in place.
import { defineKernel } from './define.ts';
import type { Dispatcher, Program, TensorInfo } from './dispatcher.ts';
import { groupsOf, valueMain } from './pointwise.ts';
import { REDUCE } from './rows.ts';
import { sizeOf } from './sizes.ts';

/** In place, as src/engine/adamW.ts writes it. */
const ADAM_W: Program = {
  name: 'adamW',
  buffers: { gradient: 'in f32', scale: 'in f32', value: 'out f32', m: 'out f32', v: 'out f32' },
  numbers: {
    count: 'u32',
    ...{ beta1: 'f32', rest1: 'f32', beta2: 'f32', rest2: 'f32' },
    ...{ rate: 'f32', rootScale: 'f32', epsilon: 'f32', keep: 'f32' },
  },
  body: valueMain(`
  let g = gradient[i] * scale[0];
  let first = p.beta1 * m[i] + p.rest1 * g;
  let second = p.beta2 * v[i] + p.rest2 * g * g;
  m[i] = first;
  v[i] = second;
  value[i] = p.keep * value[i] - p.rate * first / (sqrt(second) * p.rootScale + p.epsilon);`),
};

/** Values whose squares one work group sums, and the most work groups that share a tensor. */
const [PART, MOST_PARTS] = [16_384, 512];
const partsOf = (count: number): number => Math.min(MOST_PARTS, Math.max(1, Math.ceil(count / PART)));

const SQUARES: Program = {
  name: 'squares',
  buffers: { x: 'in f32', partial: 'out f32' },
  numbers: { count: 'u32', parts: 'u32', at: 'u32' },
  body: `${REDUCE}
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = group.x * LANES + lane; i < p.count; i += LANES * p.parts) { sum += x[i] * x[i]; }
  sum = sumOf(sum, lane);
  if (lane == 0u) { partial[p.at + group.x] = sum; }
}`,
};

const ROOT: Program = {
  name: 'rootOfSum',
  buffers: { partial: 'in f32', norm: 'out f32' },
  numbers: { count: 'u32' },
  body: `${REDUCE}
@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < p.count; i += LANES) { sum += partial[i]; }
  sum = sumOf(sum, lane);
  if (lane == 0u) { norm[0] = sqrt(sum); }
}`,
};

const CLIP_FACTOR: Program = {
  name: 'clipFactor',
  buffers: { norm: 'in f32', factor: 'out f32' },
  numbers: { count: 'u32', maxNorm: 'f32' },
  body: valueMain('factor[i] = min(1.0, p.maxNorm / (norm[i] + 1e-6));'),
};

export function defineOptimizer(dispatcher: Dispatcher): void {
  // In place: values and moments change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ input, number, attributes }) => {
    const [beta1, beta2] = [number('beta1'), number('beta2')];
    const rates = Object.fromEntries(['rate', 'rootScale', 'epsilon'].map((name) => [name, number(name)]));
    for (const [i, keep] of (attributes.keeps as number[]).entries()) {
      const [gradient, value, m, v] = ['gradient', 'value', 'm', 'v'].map((name) => input(`${name}${i}`)) as [
        ...[TensorInfo, TensorInfo, TensorInfo, TensorInfo],
      ];
      const count = sizeOf(value.shape);
      const numbers = { count, beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, ...rates, keep };
      dispatcher.run(ADAM_W, { gradient, scale: input('scale'), value, m, v }, numbers, groupsOf(count));
    }
    return [];
  });

  // sqrt(Σ over all inputs of Σ x²)
  defineKernel('FourfoldGlobalNorm', ({ inputs }) => {
    const tensors = Object.values(inputs);
    const counts = tensors.map(({ shape }) => sizeOf(shape));
    const all = counts.reduce((sum, count) => sum + partsOf(count), 0);
    const partial = dispatcher.output([Math.max(1, all)]);
    let at = 0;
    for (const [i, x] of tensors.entries()) {
      const count = counts[i] ?? 0;
      const parts = partsOf(count);
      dispatcher.run(SQUARES, { x, partial }, { count, parts, at }, [parts]);
      at += parts;
    }
    const norm = dispatcher.output([]);
    dispatcher.run(ROOT, { partial, norm }, { count: all }, [1]);
    dispatcher.release(partial);
    return norm;
  });
  // min(1, maxNorm / (norm + 1e-6))
  defineKernel('FourfoldClipFactor', ({ input, number }) => {
    const factor = dispatcher.output([]);
    dispatcher.run(CLIP_FACTOR, { norm: input('norm'), factor }, { count: 1, maxNorm: number('maxNorm') }, [1]);
    return factor;
  });
}
