// The layer of ../ops/llamaLayer.ts out of a back end's own kernels, in the order in which the single operations would run,
// so that its results have their bits. For the backward pass it keeps no normed inputs and no gated values: they are
// computed again.
import type { LLAMA_LAYER_WEIGHTS } from '../ops/llamaLayer.ts';
import type * as tf from '../tf.ts';
import { defineComposed, type Host, type KernelCalls, PLAIN_HOST, reshaped } from './kernelCalls.ts';

type Constants = 'positions' | 'keyStart' | 'cos' | 'sin';
type Given = Record<'hidden' | (typeof LLAMA_LAYER_WEIGHTS)[number] | Constants, tf.TensorInfo> & {
  wanted?: tf.TensorInfo;
};

interface Settings {
  heads: number;
  kvHeads: number;
  epsilon: number;
  scale: number;
  window: number;
  /** Whether the values for the backward pass come back too. */
  keeps: boolean;
}

/** What the forward pass keeps, in its order. */
const KEPT = [
  ...['attentionScales', 'query', 'key', 'value', 'mixed', 'logSums'],
  ...['attended', 'feedForwardScales', 'gate', 'up'],
] as const;

/** Defines the layer and its gradient for the current back end. */
export function defineLlamaLayer(host: Host = PLAIN_HOST): void {
  const settingsOf = (attributes: object): Settings => attributes as Settings;
  defineComposed(
    'FourfoldLlamaLayer',
    (calls, inputs, attributes) => forward(calls, inputs as Given, settingsOf(attributes)),
    host,
  );
  defineComposed(
    'FourfoldLlamaLayerGradient',
    (calls, inputs, attributes) => backward(calls, inputs as Given & { dy: tf.TensorInfo }, settingsOf(attributes)),
    host,
  );
}

function attentionKernel({ scale, window }: Settings): { name: string; attributes: object } {
  return window > 0
    ? { name: 'FourfoldBoundedAttention', attributes: { scale, window, softcap: 0 } }
    : { name: 'FourfoldAttention', attributes: { scale } };
}

/** [batch, time, width] as [batch, time, heads, headDim]. */
function byHead(x: tf.TensorInfo, heads: number): tf.TensorInfo {
  const [batch, time, width] = x.shape as [number, number, number];
  return reshaped(x, [batch, time, heads, width / heads]);
}

/** [batch, time, heads, headDim] as [batch, time, heads·headDim]. */
function joinedHeads(x: tf.TensorInfo): tf.TensorInfo {
  const [batch, time, heads, dims] = x.shape as [number, number, number, number];
  return reshaped(x, [batch, time, heads * dims]);
}

/** The normed values, and the scales of the rows. */
function normed(
  calls: KernelCalls,
  x: tf.TensorInfo,
  weight: tf.TensorInfo,
  epsilon: number,
): [tf.TensorInfo, tf.TensorInfo] {
  return calls.runMany('FourfoldRmsNorm', { x, weight }, { epsilon }) as [tf.TensorInfo, tf.TensorInfo];
}

/** The rows at the wanted positions [1, n, width], or all as they are. */
function chosen(calls: KernelCalls, x: tf.TensorInfo, wanted: tf.TensorInfo | undefined): tf.TensorInfo {
  if (wanted === undefined) return x;
  const [batch, time, width] = x.shape as [number, number, number];
  const rows = calls.run('FourfoldEmbedding', { table: reshaped(x, [batch * time, width]), ids: wanted });
  return reshaped(rows, [1, wanted.shape[0] as number, width]);
}

/** dx of `chosen`: the rows at their places among zeros. @param like has the shape of x */
function spread(
  calls: KernelCalls,
  dy: tf.TensorInfo,
  wanted: tf.TensorInfo | undefined,
  like: tf.TensorInfo,
): tf.TensorInfo {
  if (wanted === undefined) return dy;
  const [batch, time] = like.shape as [number, number];
  const made = calls.run('FourfoldEmbeddingGradient', { dy, ids: wanted }, { vocab: batch * time });
  return reshaped(made, like.shape);
}

function forward(calls: KernelCalls, given: Given, settings: Settings): tf.TensorInfo[] {
  const { hidden, wanted, positions, cos, sin, keyStart } = given;
  const { heads, kvHeads, epsilon } = settings;
  const linear = (x: tf.TensorInfo, weight: tf.TensorInfo): tf.TensorInfo => calls.run('FourfoldLinear', { x, weight });
  const norm = (x: tf.TensorInfo, weight: tf.TensorInfo) => normed(calls, x, weight, epsilon);
  const turned = (x: tf.TensorInfo): tf.TensorInfo => {
    const y = calls.run('FourfoldRotary', { x, positions, cos, sin }, { sign: 1 });
    calls.free(x);
    return y;
  };

  const [input, attentionScales] = norm(hidden, given.attentionNorm);
  const query = turned(byHead(linear(input, given.query), heads));
  const key = turned(byHead(linear(input, given.key), kvHeads));
  const value = byHead(linear(input, given.value), kvHeads);
  calls.free(input);
  const { name, attributes } = attentionKernel(settings);
  const [mixed, logSums] = calls.runMany(name, { query, key, value, keyStart }, attributes) as [
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  const joined = joinedHeads(mixed);
  const output = linear(chosen(calls, joined, wanted), given.attentionOutput);
  const attended = calls.run('Add', { a: chosen(calls, hidden, wanted), b: output });
  calls.free(output);
  const [between, feedForwardScales] = norm(attended, given.feedForwardNorm);
  const [gate, up] = [linear(between, given.gate), linear(between, given.up)];
  calls.free(between);
  const gated = calls.run('FourfoldSwiglu', { gate, up });
  const fed = linear(gated, given.down);
  calls.free(gated);
  const y = calls.run('Add', { a: attended, b: fed });
  const kept = { attentionScales, query, key, value, mixed, logSums, attended, feedForwardScales, gate, up };
  return settings.keeps ? [y, ...KEPT.map((part) => kept[part])] : [y];
}

/** The backward pass: dy and what was kept to the gradients of the hidden states and of each weight. */
function backward(calls: KernelCalls, given: Given & { dy: tf.TensorInfo }, settings: Settings): tf.TensorInfo[] {
  const { hidden, wanted } = given;
  const kept = keptOf(given as unknown as Record<string, tf.TensorInfo>);
  const ofFeedForward = feedForwardGradient(calls, { ...given, kept, epsilon: settings.epsilon });
  const { dAttended } = ofFeedForward;
  const joined = joinedHeads(kept.mixed);
  const rows = chosen(calls, joined, wanted);
  const attentionOutput = calls.run('FourfoldLinearWeightGradient', { dy: dAttended, x: rows });
  calls.free(rows);
  const dRows = calls.run('FourfoldLinearInputGradient', { dy: dAttended, weight: given.attentionOutput });
  const dMixed = reshaped(spread(calls, dRows, wanted, joined), kept.mixed.shape);
  if (wanted !== undefined) calls.free(dRows);
  const ofAttention = attentionGradient(calls, { ...given, kept, dMixed }, settings);
  const dHidden = sum(calls, spread(calls, dAttended, wanted, hidden), ofAttention.dHidden);
  const { attentionNorm, query, key, value } = ofAttention;
  const { feedForwardNorm, gate, up, down } = ofFeedForward;
  return [dHidden, attentionNorm, query, key, value, attentionOutput, feedForwardNorm, gate, up, down];
}

type Kept = Record<(typeof KEPT)[number], tf.TensorInfo>;

/** What the forward pass kept, out of the inputs of the backward pass. */
const keptOf = (inputs: Record<string, tf.TensorInfo>): Kept =>
  Object.fromEntries(KEPT.map((part, i) => [part, inputs[`kept${i}`] as tf.TensorInfo])) as Kept;

/** a + b, which are freed where they were made here. */
function sum(calls: KernelCalls, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const made = calls.run('Add', { a, b });
  calls.free(a, b);
  return made;
}

/** dx = dy·W, and dy is freed. */
function inputGradient(calls: KernelCalls, dy: tf.TensorInfo, weight: tf.TensorInfo): tf.TensorInfo {
  const dx = calls.run('FourfoldLinearInputGradient', { dy, weight });
  calls.free(dy);
  return dx;
}

/** The norm's gradients by its input and its gain; dy is freed. */
function normGradient(
  calls: KernelCalls,
  inputs: Record<'x' | 'weight' | 'scales' | 'dy', tf.TensorInfo>,
): { dx: tf.TensorInfo; dGain: tf.TensorInfo } {
  const { x, scales, dy } = inputs;
  const dx = calls.run('FourfoldRmsNormGradient', inputs);
  const dGain = calls.run('FourfoldRmsNormGainGradient', { x, scales, dy });
  calls.free(dy);
  return { dx, dGain };
}

function feedForwardGradient(
  calls: KernelCalls,
  { kept, dy, epsilon, ...weights }: Given & { kept: Kept; dy: tf.TensorInfo; epsilon: number },
): Record<'dAttended' | 'feedForwardNorm' | 'gate' | 'up' | 'down', tf.TensorInfo> {
  const { attended, gate: gateValues, up: upValues, feedForwardScales: scales } = kept;
  const gated = calls.run('FourfoldSwiglu', { gate: gateValues, up: upValues });
  const down = calls.run('FourfoldLinearWeightGradient', { dy, x: gated });
  calls.free(gated);
  const dGated = calls.run('FourfoldLinearInputGradient', { dy, weight: weights.down });
  const [dGate, dUp] = calls.runMany('FourfoldSwigluGradient', { gate: gateValues, up: upValues, dy: dGated }) as [
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  calls.free(dGated);
  const [x, again] = normed(calls, attended, weights.feedForwardNorm, epsilon);
  const up = calls.run('FourfoldLinearWeightGradient', { dy: dUp, x });
  const gate = calls.run('FourfoldLinearWeightGradient', { dy: dGate, x });
  calls.free(x, again);
  const dBetween = sum(calls, inputGradient(calls, dUp, weights.up), inputGradient(calls, dGate, weights.gate));
  const ofNorm = normGradient(calls, { x: attended, weight: weights.feedForwardNorm, scales, dy: dBetween });
  return { dAttended: sum(calls, dy, ofNorm.dx), feedForwardNorm: ofNorm.dGain, gate, up, down };
}

function attentionGradient(
  calls: KernelCalls,
  { kept, dMixed, hidden, positions, keyStart, cos, sin, ...weights }: Given & { kept: Kept; dMixed: tf.TensorInfo },
  settings: Settings,
): Record<'dHidden' | 'attentionNorm' | 'query' | 'key' | 'value', tf.TensorInfo> {
  const { query, key, value, mixed: out, logSums, attentionScales: scales } = kept;
  const { name, attributes } = attentionKernel(settings);
  const forward = { query, key, value, keyStart, out, logSums, dy: dMixed };
  const slopes = calls.runMany(`${name}Gradient`, forward, attributes);
  calls.free(dMixed);
  const [dQuery, dKey, dValue] = slopes.map((dy, i) => {
    if (i === 2) return joinedHeads(dy);
    const back = calls.run('FourfoldRotary', { x: dy, positions, cos, sin }, { sign: -1 });
    calls.free(dy);
    return joinedHeads(back);
  }) as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  const [x, again] = normed(calls, hidden, weights.attentionNorm, settings.epsilon);
  const ofWeights = [dQuery, dKey, dValue].map((dy) => calls.run('FourfoldLinearWeightGradient', { dy, x }));
  calls.free(x, again);
  const ofInput = sum(calls, inputGradient(calls, dValue, weights.value), inputGradient(calls, dKey, weights.key));
  const dInput = sum(calls, ofInput, inputGradient(calls, dQuery, weights.query));
  const { dx, dGain } = normGradient(calls, { x: hidden, weight: weights.attentionNorm, scales, dy: dInput });
  const [ofQuery, ofKey, ofValue] = ofWeights as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  return { dHidden: dx, attentionNorm: dGain, query: ofQuery, key: ofKey, value: ofValue };
}
