// The transformer: ids in, hidden states out. Pure mathematics over parameters; heads and losses lie elsewhere.
// Vaswani et al. (2017), decoder only, norms before each block; the switches of ModelConfig make it Llama, GPT-2 and others.
import { attention } from '../engine/ops/attention.ts';
import { embedding } from '../engine/ops/embedding.ts';
import { layerNorm } from '../engine/ops/layerNorm.ts';
import { rmsNorm } from '../engine/ops/rmsNorm.ts';
import { rotary } from '../engine/ops/rotary.ts';
import { recomputed } from '../engine/recompute.ts';
import * as tf from '../engine/tf.ts';
import { hasRotary, layerModule, trunkModule, windowOf } from './config.ts';
import { feedForward } from './feedForward.ts';
import { fusedLayer } from './llamaLayer.ts';
import { parameter } from './parameters.ts';
import { project } from './projection.ts';
import type { LayerInput, TransformerInput, Trunk } from './trunk.ts';

export interface TransformerOutput {
  /** [batch, time, hidden], after the final norm; [1, n, hidden] of n wanted positions */
  hidden: tf.Tensor3D;
}

/** The rows at the wanted positions. @param x [batch, time, width] @returns [1, n, width] */
function rowsAt(x: tf.Tensor3D, wanted: tf.Tensor1D): tf.Tensor3D {
  const [batch, time, width] = x.shape;
  return tf.reshape<tf.Rank.R3>(embedding(tf.reshape(x, [batch * time, width]), wanted), [1, wanted.size, width]);
}

/** The norm of the given name. @param x [..., width] */
function norm<T extends tf.Tensor>({ config, parameters }: Trunk, module: string, x: T): T {
  const weight = parameter(parameters, `${module}.weight`);
  if (config.norm === 'layer') {
    return layerNorm(x, { weight, bias: parameter(parameters, `${module}.bias`) }, config.normEpsilon) as T;
  }
  const gain = config.gainOffset === 0 ? weight : tf.add(weight, config.gainOffset);
  return rmsNorm(x, gain, config.normEpsilon) as T;
}

/** Query [batch, time, heads, headDim], key and value [batch, time, kvHeads, headDim], without positions. */
function queryKeyValue(model: Trunk, layer: number, input: tf.Tensor3D): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] {
  const { heads, kvHeads, headDim, modules } = model.config;
  const [batch, time] = input.shape;
  const at = (name: string) => layerModule(model.config, layer, name);
  const names = modules.attention;
  const [query, key, value] =
    'fused' in names
      ? tf.split(
          project(model, at(names.fused), input),
          [heads, kvHeads, kvHeads].map((count) => count * headDim),
          2,
        )
      : [names.query, names.key, names.value].map((name) => project(model, at(name), input));
  const byHead = (x: tf.Tensor | undefined, count: number, normName?: string) => {
    const split = tf.reshape<tf.Rank.R4>(x as tf.Tensor, [batch, time, count, headDim]);
    return normName === undefined ? split : norm(model, at(normName), split);
  };
  return [
    byHead(query, heads, modules.headNorms?.query),
    byHead(key, kvHeads, modules.headNorms?.key),
    byHead(value, kvHeads),
  ];
}

function attentionBlock(
  model: Trunk,
  layer: number,
  input: tf.Tensor3D,
  { positions, keyStart, wanted, attend = (_, input) => attention({ ...input, keyStart }) }: Omit<LayerInput, 'hidden'>,
): tf.Tensor3D {
  const { config, tables } = model;
  const window = windowOf(config, layer);
  const [batch, time] = input.shape;
  const [query, key, value] = queryKeyValue(model, layer, input);
  const layerTables = hasRotary(config, layer)
    ? ((window !== null ? tables.localRotary : null) ?? tables.rotary)
    : null;
  const turned = (x: tf.Tensor4D) => (layerTables === null ? x : (rotary(x, positions, layerTables) as tf.Tensor4D));
  const mixed = attend(layer, {
    ...{ query: turned(query), key: turned(key), value, scale: config.attentionScale },
    ...(window === null ? {} : { window }),
    ...(config.attentionSoftcap === null ? {} : { softcap: config.attentionSoftcap }),
  });
  const joined = tf.reshape<tf.Rank.R3>(mixed, [batch, time, config.heads * config.headDim]);
  const chosen = wanted === undefined ? joined : rowsAt(joined, wanted);
  return project(model, layerModule(config, layer, config.modules.attentionOutput), chosen) as tf.Tensor3D;
}

/** One layer: hidden states in, [batch, time, hidden], and out, the wanted ones or all. Call it inside tidy. */
export function transformerLayer(model: Trunk, layer: number, input: LayerInput): tf.Tensor3D {
  return fusedLayer(model, layer, input) ?? composedLayer(model, layer, input);
}

/** The layer of its operations, one by one. */
export function composedLayer(model: Trunk, layer: number, { hidden, ...rest }: LayerInput): tf.Tensor3D {
  const { modules, isParallel } = model.config;
  const normed = (name: string | null, x: tf.Tensor3D) =>
    name === null ? x : norm(model, layerModule(model.config, layer, name), x);
  const input = normed(modules.attentionNorm, hidden);
  const output = attentionBlock(model, layer, input, rest);
  const chosen = (x: tf.Tensor3D) => (rest.wanted === undefined ? x : rowsAt(x, rest.wanted));
  const attended = tf.add(chosen(hidden), normed(modules.attentionOutputNorm, output)) as tf.Tensor3D;
  const between = isParallel ? chosen(input) : normed(modules.feedForwardNorm, attended);
  const fed = normed(modules.feedForwardOutputNorm, feedForward(model, layer, between));
  return tf.add(attended, fed);
}

/** Embeddings of the ids, scaled, with learned positions added. @returns [batch, time, hidden] */
function embed({ config, parameters }: Trunk, { ids, positions }: TransformerInput): tf.Tensor3D {
  const rows = (module: string, indices: tf.Tensor2D) =>
    embedding(parameter(parameters, `${trunkModule(config, module)}.weight`), indices) as tf.Tensor3D;
  const tokens = rows(config.modules.embedding, ids);
  const scaled = config.embeddingScale === 1 ? tokens : tf.mul<tf.Tensor3D>(tokens, config.embeddingScale);
  return config.modules.positions === null ? scaled : tf.add(scaled, rows(config.modules.positions, positions));
}

/** The layer, its activations kept or computed again as the model says. */
function layerThrough(model: Trunk, layer: number, { hidden, attend, ...input }: LayerInput): tf.Tensor3D {
  const { config, recomputes } = model;
  if (recomputes === undefined) return transformerLayer(model, layer, { hidden, attend, ...input });
  const own = layerModule(config, layer, '');
  const variables = [...recomputes].flatMap(([name, variable]) => (name.includes(own) ? [variable] : []));
  const constants = [input.positions, input.keyStart, ...(input.wanted === undefined ? [] : [input.wanted])];
  const through = (x: tf.Tensor, [positions, keyStart, wanted]: tf.Tensor[]) =>
    transformerLayer(model, layer, {
      ...{ hidden: x as tf.Tensor3D, positions: positions as tf.Tensor2D, keyStart: keyStart as tf.Tensor1D },
      ...{ attend, wanted: wanted as tf.Tensor1D | undefined },
    });
  return recomputed(through, { x: hidden, constants, variables }) as tf.Tensor3D;
}

/** Hidden states of a batch; call it inside tidy. */
export function transformer(model: Trunk, input: TransformerInput): TransformerOutput {
  const { positions, keyStart, attend } = input;
  let hidden = embed(model, input);
  for (let layer = 0; layer < model.config.layers; layer++) {
    const wanted = layer === model.config.layers - 1 ? input.wanted : undefined;
    hidden = layerThrough(model, layer, { hidden, positions, keyStart, attend, wanted });
  }
  return { hidden: norm(model, trunkModule(model.config, model.config.modules.finalNorm), hidden) };
}
