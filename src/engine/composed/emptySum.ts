// The sum of no values. tfjs's kernel for wasm leaves whatever its memory held, the one for webgpu divides by their number
// and binds an empty buffer.
import * as tf from '../tf.ts';

/** Makes the current back end's Sum give zeros for a tensor without values; all else stays tfjs's own. */
export function defineEmptySum(): void {
  const backendName = tf.getBackend();
  const sum = tf.getKernel('Sum', backendName);
  tf.unregisterKernel('Sum', backendName);
  tf.registerKernel({
    ...sum,
    kernelFunc: (call) => {
      const { shape, dtype: given } = call.inputs.x as tf.TensorInfo;
      if (tf.util.sizeFromShape(shape) > 0) return sum.kernelFunc(call);
      const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(axis, shape);
      const summed = shape.flatMap((size, i) => (!axes.includes(i) ? [size] : keepDims ? [1] : []));
      const dtype = tf.sumOutType(given);
      const zeros = tf.util.makeZerosTypedArray(tf.util.sizeFromShape(summed), dtype) as tf.TypedArray;
      return { dataId: tf.backend().write(zeros, summed, dtype), shape: summed, dtype };
    },
  });
}
