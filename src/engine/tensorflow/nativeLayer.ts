// The layer of ../ops/llamaLayer.ts in C++: one operation forward, one backward, and one tensor kept between.
import { LLAMA_LAYER_WEIGHTS } from '../ops/llamaLayer.ts';
import { defineKernel, type KernelCall, type Value } from './raw.ts';

/** The inputs that both operations have, in native/layerCalls.cc's order. */
function inputsOf({ operations, attributes, input, optional, number }: KernelCall): Value[] {
  const numbers = ['heads', 'kvHeads', 'epsilon', 'scale', 'window'].map(number);
  const wanted = optional('wanted');
  const settings = [...numbers, Number(attributes.keeps === true), Number(wanted !== null)];
  return [
    ...['hidden', 'positions', 'keyStart'].map(input),
    wanted ?? operations.integers([]),
    ...['cos', 'sin'].map(input),
    operations.constant(`layer ${settings}`, [settings.length], () => Float32Array.from(settings)),
    ...LLAMA_LAYER_WEIGHTS.map(input),
  ];
}

export function defineNativeLayer(): void {
  defineKernel('FourfoldLlamaLayer', (call) => {
    const outputs = call.operations.runMany('FourfoldLlamaLayer', inputsOf(call), [], 2);
    return call.attributes.keeps === true ? outputs : outputs.slice(0, 1);
  });
  defineKernel('FourfoldLlamaLayerGradient', (call) => {
    const inputs = [...inputsOf(call), call.input('kept0'), call.input('dy')];
    return call.operations.runMany('FourfoldLlamaLayerGradient', inputs, [], 1 + LLAMA_LAYER_WEIGHTS.length);
  });
}
