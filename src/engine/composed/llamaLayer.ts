// The layer of ../ops/llamaLayer.ts out of a back end's own kernels, in the order in which the single operations would run,
// so that its results have their bits. For the backward pass it keeps no normed inputs and no gated values: they are
// computed again.
import { LLAMA_LAYER_WEIGHTS } from '../ops/llamaLayer.ts';
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

  const { query, key, value, attentionScales } = calls.byRows(hidden, () => {
    const [input, attentionScales] = norm(hidden, given.attentionNorm);
    const [toQuery, toKey] = [linear(input, given.query), linear(input, given.key)];
    const value = byHead(linear(input, given.value), kvHeads);
    calls.free(input);
    return { query: turned(byHead(toQuery, heads)), key: turned(byHead(toKey, kvHeads)), value, attentionScales };
  });
  const { name, attributes } = attentionKernel(settings);
  const [mixed, logSums] = calls.runMany(name, { query, key, value, keyStart }, attributes) as [
    tf.TensorInfo,
    tf.TensorInfo,
  ];
  const [rows, residual] = [chosen(calls, joinedHeads(mixed), wanted), chosen(calls, hidden, wanted)];
  const { y, ...last } = calls.byRows(rows, () => {
    const output = linear(rows, given.attentionOutput);
    const attended = calls.run('Add', { a: residual, b: output });
    calls.free(output);
    const [between, feedForwardScales] = norm(attended, given.feedForwardNorm);
    const [gate, up] = [linear(between, given.gate), linear(between, given.up)];
    calls.free(between);
    const gated = calls.run('FourfoldSwiglu', { gate, up });
    const fed = linear(gated, given.down);
    calls.free(gated);
    return { y: calls.run('Add', { a: attended, b: fed }), attended, feedForwardScales, gate, up };
  });
  const kept = { attentionScales, query, key, value, mixed, logSums, ...last };
  return settings.keeps ? [y, ...KEPT.map((part) => kept[part])] : [y];
}

/** The backward pass: dy and what was kept to the gradients of the hidden states and of each weight. */
function backward(calls: KernelCalls, given: Given & { dy: tf.TensorInfo }, settings: Settings): tf.TensorInfo[] {
  const { hidden, wanted } = given;
  const kept = keptOf(given as unknown as Record<string, tf.TensorInfo>);
  const slopes = feedForwardSlopes(calls, { ...given, kept, epsilon: settings.epsilon });
  const { dAttended } = slopes;
  const joined = joinedHeads(kept.mixed);
  const rows = chosen(calls, joined, wanted);
  const dMixed = reshaped(spread(calls, slopes.dRows, wanted, joined), kept.mixed.shape);
  const residual = spread(calls, dAttended, wanted, hidden);
  const weightGradient = (dy: tf.TensorInfo, x: tf.TensorInfo): tf.TensorInfo =>
    calls.run('FourfoldLinearWeightGradient', { dy, x });
  const [ofAttention, weights] = calls.together(() => {
    const { dGate, dUp, between, dBetween } = slopes;
    const scales = kept.feedForwardScales;
    return [
      attentionSlopes(calls, { ...given, kept, dMixed }, settings),
      {
        down: weightGradient(given.dy, slopes.gated),
        up: weightGradient(dUp, between),
        gate: weightGradient(dGate, between),
        attentionOutput: weightGradient(dAttended, rows),
        feedForwardNorm: calls.run('FourfoldRmsNormGainGradient', { x: kept.attended, scales, dy: dBetween }),
      },
    ];
  });
  calls.free(dMixed, slopes.dRows, rows, slopes.gated, slopes.dGate, slopes.dUp, slopes.between, slopes.dBetween);
  const inputs = inputSlopes(calls, { ...given, kept, slopes: ofAttention, residual }, settings.epsilon);
  const [dQuery, dKey, dValue] = inputs.turnedBack;
  return calls.together(() => {
    const [query, key, value] = [dQuery, dKey, dValue].map((dy) => weightGradient(dy, inputs.input)) as Three;
    const scales = kept.attentionScales;
    const attentionNorm = calls.run('FourfoldRmsNormGainGradient', { x: hidden, scales, dy: inputs.dInput });
    const ofWeights = { ...weights, attentionNorm, query, key, value };
    return [inputs.dHidden, ...LLAMA_LAYER_WEIGHTS.map((name) => ofWeights[name])];
  });
}

type Three = [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];

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

/** dx = dy·W */
function inputGradient(calls: KernelCalls, dy: tf.TensorInfo, weight: tf.TensorInfo): tf.TensorInfo {
  return calls.run('FourfoldLinearInputGradient', { dy, weight });
}

/** From dy back to the attention's mixed values, row by row, with what the gradients of the weights read. */
function feedForwardSlopes(
  calls: KernelCalls,
  { kept, dy, epsilon, ...weights }: Given & { kept: Kept; dy: tf.TensorInfo; epsilon: number },
): Record<'gated' | 'dGate' | 'dUp' | 'between' | 'dBetween' | 'dAttended' | 'dRows', tf.TensorInfo> {
  const { attended, gate, up, feedForwardScales: scales } = kept;
  return calls.byRows(dy, () => {
    const gated = calls.run('FourfoldSwiglu', { gate, up });
    const dGated = inputGradient(calls, dy, weights.down);
    const [dGate, dUp] = calls.runMany('FourfoldSwigluGradient', { gate, up, dy: dGated }) as [
      tf.TensorInfo,
      tf.TensorInfo,
    ];
    calls.free(dGated);
    const [between, again] = normed(calls, attended, weights.feedForwardNorm, epsilon);
    calls.free(again);
    const dBetween = sum(calls, inputGradient(calls, dUp, weights.up), inputGradient(calls, dGate, weights.gate));
    const ofNorm = { x: attended, weight: weights.feedForwardNorm, scales, dy: dBetween };
    const dAttended = sum(calls, dy, calls.run('FourfoldRmsNormGradient', ofNorm));
    const dRows = inputGradient(calls, dAttended, weights.attentionOutput);
    return { gated, dGate, dUp, between, dBetween, dAttended, dRows };
  });
}

/** The gradients of the turned queries and keys and of the values. */
function attentionSlopes(
  calls: KernelCalls,
  { kept, dMixed, keyStart }: Given & { kept: Kept; dMixed: tf.TensorInfo },
  settings: Settings,
): Three {
  const { query, key, value, mixed: out, logSums } = kept;
  const { name, attributes } = attentionKernel(settings);
  return calls.runMany(
    `${name}Gradient`,
    { query, key, value, keyStart, out, logSums, dy: dMixed },
    attributes,
  ) as Three;
}

/** From the attention's slopes back to the hidden states, row by row, with what the gradients of the weights read. */
function inputSlopes(
  calls: KernelCalls,
  given: Given & { kept: Kept; slopes: Three; residual: tf.TensorInfo },
  epsilon: number,
): Record<'dHidden' | 'input' | 'dInput', tf.TensorInfo> & { turnedBack: Three } {
  const { hidden, positions, cos, sin, attentionNorm, residual, kept } = given;
  const back = (x: tf.TensorInfo): tf.TensorInfo => {
    const made = calls.run('FourfoldRotary', { x, positions, cos, sin }, { sign: -1 });
    calls.free(x);
    return joinedHeads(made);
  };
  return calls.byRows(hidden, () => {
    const [dQuery, dKey, dValue] = [back(given.slopes[0]), back(given.slopes[1]), joinedHeads(given.slopes[2])];
    const [input, again] = normed(calls, hidden, attentionNorm, epsilon);
    calls.free(again);
    const ofInput = sum(calls, inputGradient(calls, dValue, given.value), inputGradient(calls, dKey, given.key));
    const dInput = sum(calls, ofInput, inputGradient(calls, dQuery, given.query));
    const inputs = { x: hidden, weight: attentionNorm, scales: kept.attentionScales, dy: dInput };
    const dHidden = sum(calls, residual, calls.run('FourfoldRmsNormGradient', inputs));
    return { dHidden, input, dInput, turnedBack: [dQuery, dKey, dValue] };
  });
}
