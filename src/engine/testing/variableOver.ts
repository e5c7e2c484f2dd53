// Variables that AdamW changes in place, in tests.
import * as tf from '../tf.ts';

/** A variable over `initial`, which goes, so that the variable has its values to itself. */
export function variableOver(initial: tf.Tensor): tf.Variable {
  const variable = tf.variable(initial);
  initial.dispose();
  return variable;
}
