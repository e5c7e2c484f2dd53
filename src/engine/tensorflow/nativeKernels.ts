// The kernels in C++ as kernels of tfjs: each is one operation. Inputs and outputs are those of the wasm kernels of the same
// names, whose derivatives serve both.
import type { KernelConfig, Tensor, TensorInfo } from '../tf.ts';
import * as tf from '../tf.ts';
import { defineClipFactor } from './optimizer.ts';
import { defineKernel, type KernelCall, type NodeBackend, type Operations, type Value } from './raw.ts';

/** Logits, as numbers, whose slopes are kept for the backward pass where no gradient is foreseen: 128 MiB. */
const MOST_KEPT = 2 ** 25;
/** Values from which an addition is worth our own kernel; TensorFlow's shares larger ones among threads that it must wake. */
const ADDITION = 4096;

export function defineNativeKernels(): void {
  defineProducts();
  defineRows();
  defineCurves();
  defineAttention();
  defineLogProbs();
  defineOptimizer();
  defineClipFactor();
  defineAddition();
  // tfjs-node's makes a tensor of the shape each time, which takes longer than the operation.
  defineKernel('Reshape', ({ operations, input, attributes }) =>
    operations.run('Reshape', [input('x'), operations.integers(attributes.shape as number[])]),
  );
}

/** A list of numbers that recurs, kept as a constant. */
function settings(operations: Operations, ...numbers: number[]): Value {
  return operations.constant(`settings ${numbers}`, [numbers.length], () => Float32Array.from(numbers));
}

/** Numbers of this call alone. */
function passing(operations: Operations, ...numbers: number[]): Value {
  return operations.floatsOf(Float32Array.from(numbers), [numbers.length]);
}

function nothing(operations: Operations): Value {
  return operations.constant('nothing', [0], () => new Float32Array(0));
}

function defineProducts(): void {
  defineKernel('FourfoldLinear', ({ operations, input, optional }) =>
    operations.run('FourfoldLinear', [input('x'), input('weight'), optional('bias') ?? nothing(operations)]),
  );
  defineKernel('FourfoldLinearInputGradient', ({ operations, input }) =>
    operations.run('FourfoldLinearInputGradient', [input('dy'), input('weight')]),
  );
  defineKernel('FourfoldLinearWeightGradient', ({ operations, input }) =>
    operations.run('FourfoldLinearWeightGradient', [input('dy'), input('x')]),
  );
  defineKernel('FourfoldSumRows', ({ operations, input }) => operations.run('FourfoldSumRows', [input('x')]));
  defineKernel('FourfoldEmbedding', ({ operations, input }) =>
    operations.run('FourfoldEmbedding', [input('table'), input('ids')]),
  );
  defineKernel('FourfoldEmbeddingGradient', ({ operations, input, number }) =>
    operations.run('FourfoldEmbeddingGradient', [input('dy'), input('ids'), settings(operations, number('vocab'))]),
  );
}

function defineRows(): void {
  defineKernel('FourfoldRmsNorm', ({ operations, input, number }) =>
    operations.runMany(
      'FourfoldRmsNorm',
      [input('x'), input('weight'), settings(operations, number('epsilon'))],
      [],
      2,
    ),
  );
  defineKernel('FourfoldRmsNormGradient', ({ operations, input }) =>
    operations.run('FourfoldRmsNormGradient', [input('x'), input('weight'), input('scales'), input('dy')]),
  );
  defineKernel('FourfoldRmsNormGainGradient', ({ operations, input }) =>
    operations.run('FourfoldGainGradient', [input('x'), nothing(operations), input('scales'), input('dy')]),
  );
  defineKernel('FourfoldLayerNorm', ({ operations, input, number }) => {
    const inputs = [input('x'), input('weight'), input('bias'), settings(operations, number('epsilon'))];
    return operations.runMany('FourfoldLayerNorm', inputs, [], 3);
  });
  defineKernel('FourfoldLayerNormGradient', ({ operations, input }) => {
    const inputs = [input('x'), input('weight'), input('means'), input('scales'), input('dy')];
    return operations.run('FourfoldLayerNormGradient', inputs);
  });
  defineKernel('FourfoldLayerNormGainGradient', ({ operations, input }) =>
    operations.run('FourfoldGainGradient', [input('x'), input('means'), input('scales'), input('dy')]),
  );
  defineKernel('FourfoldRotary', ({ operations, input, number }) => {
    const inputs = [input('x'), input('positions'), input('cos'), input('sin'), settings(operations, number('sign'))];
    return operations.run('FourfoldRotary', inputs);
  });
  for (const name of ['FourfoldSoftmax', 'FourfoldLogSoftmax']) {
    defineKernel(name, ({ operations, input }) => operations.run(name, [input('x')]));
    defineKernel(`${name}Gradient`, ({ operations, input }) =>
      operations.run(`${name}Gradient`, [input('y'), input('dy')]),
    );
  }
}

function defineCurves(): void {
  defineKernel('FourfoldSwiglu', ({ operations, input }) =>
    operations.run('FourfoldSwiglu', [input('gate'), input('up')]),
  );
  defineKernel('FourfoldSwigluGradient', ({ operations, input }) =>
    operations.runMany('FourfoldSwigluGradient', [input('gate'), input('up'), input('dy')], [], 2),
  );
  const kind = ({ operations, attributes }: KernelCall): Value =>
    settings(operations, attributes.isTanh === true ? 1 : 0);
  defineKernel('FourfoldGelu', (call) => call.operations.run('FourfoldGelu', [call.input('x'), kind(call)]));
  defineKernel('FourfoldGeluGradient', (call) =>
    call.operations.run('FourfoldGeluGradient', [call.input('x'), call.input('dy'), kind(call)]),
  );
}

function defineAttention(): void {
  const given = ({ operations, input, number, attributes }: KernelCall): Value[] => {
    const [window, softcap] = [Number(attributes.window ?? 0), Number(attributes.softcap ?? 0)];
    const numbers = settings(operations, number('scale'), window, softcap);
    return [input('query'), input('key'), input('value'), input('keyStart'), numbers];
  };
  for (const name of ['FourfoldAttention', 'FourfoldBoundedAttention']) {
    defineKernel(name, (call) => call.operations.runMany('FourfoldAttention', given(call), [], 2));
    defineKernel(`${name}Gradient`, (call) => {
      const inputs = [...given(call), call.input('out'), call.input('logSums'), call.input('dy')];
      return call.operations.runMany('FourfoldAttentionGradient', inputs, [], 3);
    });
  }
}

function defineLogProbs(): void {
  // logProbs, entropy, and the slopes of the logits where they are kept; dHidden and dWeight where the gradient is foreseen.
  defineKernel('FourfoldTokenLogProbs', ({ operations, input, number, attributes }) => {
    const [hidden, weight] = [input('hidden'), input('weight')];
    const isForeseen = typeof attributes.foreseen === 'number';
    const isTaped = tf.engine().state.gradientDepth > 0;
    const keeps = isTaped && !isForeseen && (hidden.shape[0] ?? 0) * (weight.shape[0] ?? 0) <= MOST_KEPT;
    const wantsWeight = attributes.trainsWeight === true;
    const numbers = [number('scale'), Number(keeps), Number(isForeseen), isForeseen ? number('foreseen') : 0];
    const inputs = [hidden, weight, input('targets'), passing(operations, ...numbers, Number(wantsWeight))];
    const outputs = operations.runMany('FourfoldLogProbs', inputs, [], 5);
    return outputs.slice(0, isForeseen ? (wantsWeight ? 5 : 4) : 3);
  });

  // Only what is wanted comes back.
  defineKernel('FourfoldTokenLogProbsGradient', ({ operations, input, optional, number, attributes }) => {
    const { wantsHidden, wantsWeight, foreseen } = attributes;
    const [dHidden, dWeight] = [optional('dHidden'), wantsWeight === true ? optional('dWeight') : null];
    if (typeof foreseen === 'number' && dHidden !== null && isAll(operations.read(input('dy')), foreseen)) {
      return dWeight === null ? [dHidden] : [dHidden, dWeight];
    }
    const wants = [wantsHidden === true, wantsWeight === true];
    const inputs = [
      ...[input('hidden'), input('weight'), input('targets')],
      settings(operations, number('scale'), ...wants.map(Number)),
      ...[input('logSums'), input('dy')],
    ];
    const outputs = operations.runMany('FourfoldLogProbsGradient', inputs, [], 2);
    return outputs.filter((_, i) => wants[i]);
  });
}

/** Whether each value is exactly this one, as single precision has it. */
function isAll(values: ArrayLike<number>, value: number): boolean {
  const wanted = Math.fround(value);
  return Array.from(values).every((own) => own === wanted);
}

/** Values that a tensor of tfjs holds alone: their memory came from one of our kernels, and no array shares it. */
const owned = new WeakSet<object>();

/** The tensor's values, moved into memory of their own the first time, since an array of JavaScript may share theirs. */
function ownValues(operations: Operations, backend: NodeBackend, tensor: TensorInfo): Value {
  const before = operations.input(tensor);
  const entry = backend.tensorMap.get(tensor.dataId);
  if (owned.has(entry)) return before;
  const copy = operations.run('FourfoldCopy', [before]);
  operations.replace(tensor, copy);
  owned.add(entry);
  return copy;
}

function defineOptimizer(): void {
  // In place: values and moments change; nothing comes back.
  defineKernel('FourfoldAdamW', ({ operations, tensors, input, number, attributes }) => {
    const backend = tf.backend() as NodeBackend;
    const keeps = attributes.keeps as number[];
    const changing = ['value', 'm', 'v'].flatMap((name) =>
      keeps.map((_, i) => ownValues(operations, backend, tensors[`${name}${i}`] as TensorInfo)),
    );
    const gradients = keeps.map((_, i) => input(`gradient${i}`));
    const numbers = ['beta1', 'beta2', 'epsilon', 'rate', 'rootScale'].map(number);
    const rest = [input('scale'), passing(operations, ...numbers, ...keeps)];
    operations.run('FourfoldAdamW', [...changing, ...gradients, ...rest], [operations.count('N', keeps.length)]);
    return [];
  });
  defineKernel('FourfoldGlobalNorm', ({ operations, tensors, input }) => {
    const all = Object.keys(tensors).map(input);
    return operations.run('FourfoldNorm', all, [operations.count('N', all.length)]);
  });
}

/** Takes the place of tfjs-node's addition where both sides have one shape. */
function defineAddition(): void {
  const { kernelFunc: general } = tf.getKernel('Add', 'tensorflow') as KernelConfig;
  tf.unregisterKernel('Add', 'tensorflow');
  tf.registerKernel({
    kernelName: 'Add',
    backendName: 'tensorflow',
    kernelFunc: (call) => {
      const [a, b] = [call.inputs.a, call.inputs.b] as [Tensor, Tensor];
      const isSame = a.dtype === 'float32' && b.dtype === 'float32' && a.shape.join() === b.shape.join();
      if (!isSame || tf.util.sizeFromShape(a.shape) < ADDITION) return general(call);
      const backend = call.backend as NodeBackend;
      const [made] = backend.binding.executeOp('FourfoldAdd', [], backend.getInputTensorIds([a, b]), 1);
      return backend.createOutputTensor(made as Value);
    },
  });
}
