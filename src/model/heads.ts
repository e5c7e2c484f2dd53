// What is read off the trunk: log-probabilities of tokens, and one number a position. Reward model and PPO's critic
// share the scalar head. Call these inside tidy.
import { linear } from '../engine/ops/linear.ts';
import { capped, tokenLogProbs } from '../engine/ops/tokenLogProbs.ts';
import * as tf from '../engine/tf.ts';
import type { Batch } from './batch.ts';
import type { Model } from './model.ts';
import { OUTPUT, outputName, parameter, SCORE_HEAD } from './parameters.ts';
import { transformer } from './transformer.ts';
import type { Trunk } from './trunk.ts';

/** [vocab, hidden]: the output projection. */
export function outputWeight({ config, parameters }: Trunk): tf.Tensor2D {
  return parameter(parameters, outputName(config)) as tf.Tensor2D;
}

/** Bias and cap of the logits, where the model has them. */
function outputSwitches({ config, parameters }: Trunk): { bias?: tf.Tensor; softcap?: number } {
  return {
    ...(config.biases.output ? { bias: parameter(parameters, `${OUTPUT}.bias`) } : {}),
    ...(config.logitSoftcap === null ? {} : { softcap: config.logitSoftcap }),
  };
}

/** @param hidden [..., hidden], after the final norm @returns [..., vocab] */
export function logitsOf(model: Trunk, hidden: tf.Tensor): tf.Tensor {
  const { bias, softcap } = outputSwitches(model);
  const logits = linear(hidden, outputWeight(model), bias);
  return softcap === undefined ? logits : capped(logits, softcap);
}

/** Hidden states at the flat indices only. @param indices [n] int32 @returns [n, hidden] */
function hiddenAt(model: Model, { ids, positions, keyStart }: Batch, indices: tf.Tensor1D): tf.Tensor2D {
  const { hidden } = transformer(model, { ids, positions, keyStart, wanted: indices });
  return tf.reshape<tf.Rank.R2>(hidden, [indices.size, model.config.hidden]);
}

/**
 * Log-probability of each response token of the batch, and the entropy of the distribution it was drawn from.
 * @param foreseen what the gradient with respect to each will be, where that is one known number
 * @returns logProbs [n] and entropy [n] (no gradient), rows one after the other as in `batch.responseLengths`
 */
export function responseLogProbs(
  model: Model,
  batch: Batch,
  temperature = 1,
  foreseen?: number,
): { logProbs: tf.Tensor; entropy: tf.Tensor } {
  const hidden = hiddenAt(model, batch, batch.predictAt);
  return tokenLogProbs({
    ...{ hidden, weight: outputWeight(model), targets: batch.targets, temperature, foreseen },
    ...outputSwitches(model),
  });
}

/** The scalar head at each position that predicts a response token. @returns [n] */
export function responseValues(model: Model, batch: Batch): tf.Tensor1D {
  return scalarAt(model, batch, batch.predictAt);
}

/** The scalar head at each row's last token: the reward of the whole sequence. @returns [batch] */
export function sequenceScores(model: Model, batch: Batch): tf.Tensor1D {
  return scalarAt(model, batch, batch.lastToken);
}

function scalarAt(model: Model, batch: Batch, indices: tf.Tensor1D): tf.Tensor1D {
  return tf.reshape<tf.Rank.R1>(linear(hiddenAt(model, batch, indices), parameter(model.parameters, SCORE_HEAD)), [-1]);
}
