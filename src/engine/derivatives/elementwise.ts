// Derivatives of elementwise operations.
import type { Tensor } from '@tensorflow/tfjs-core';
import * as core from '@tensorflow/tfjs-core';
import { at, registerDerivative, unbroadcast } from './register.ts';

const { add, cast, div, exp, greater, greaterEqual, lessEqual, log, mul, neg, pow, square, sub, where } = core;

/** y = f(x): dx = dy · f'(x). */
function ofInput(kernelName: string, slope: (x: Tensor, attributes: Record<string, unknown>) => Tensor): void {
  registerDerivative(kernelName, {
    saves: ['x'],
    gradients: ({ dy, saved, attributes }) => ({ x: () => mul(dy, slope(at(saved, 0), attributes)) }),
  });
}

/** y = f(x) with f' a function of y: dx = dy · slope(y). */
function ofOutput(kernelName: string, slope: (y: Tensor) => Tensor): void {
  registerDerivative(kernelName, {
    savesOutput: true,
    gradients: ({ dy, saved }) => ({ x: () => mul(dy, slope(at(saved, 0))) }),
  });
}

/** z = f(a, b) with broadcasting; `slopes` give dz/da and dz/db times dy. */
function ofTwo(
  kernelName: string,
  slopes: { a: (dy: Tensor, a: Tensor, b: Tensor) => Tensor; b: (dy: Tensor, a: Tensor, b: Tensor) => Tensor },
): void {
  registerDerivative(kernelName, {
    saves: ['a', 'b'],
    gradients: ({ dy, saved }) => {
      const [a, b] = [at(saved, 0), at(saved, 1)];
      return {
        a: () => unbroadcast(slopes.a(dy, a, b), a.shape),
        b: () => unbroadcast(slopes.b(dy, a, b), b.shape),
      };
    },
  });
}

const asFloat = (condition: Tensor): Tensor => cast(condition, 'float32');

ofTwo('Add', { a: (dy) => dy, b: (dy) => dy });
ofTwo('Sub', { a: (dy) => dy, b: (dy) => neg(dy) });
ofTwo('Multiply', {
  a: (dy, _a, b) => mul(dy, cast(b, 'float32')),
  b: (dy, a) => mul(dy, cast(a, 'float32')),
});
ofTwo('RealDiv', {
  a: (dy, _a, b) => div(dy, cast(b, 'float32')),
  b: (dy, a, b) => neg(div(mul(dy, cast(a, 'float32')), square(cast(b, 'float32')))),
});
ofTwo('SquaredDifference', {
  a: (dy, a, b) => mul(dy, mul(sub(a, b), 2)),
  b: (dy, a, b) => mul(dy, mul(sub(b, a), 2)),
});
// Where the two are equal, a takes the gradient.
ofTwo('Maximum', {
  a: (dy, a, b) => mul(dy, asFloat(greaterEqual(a, b))),
  b: (dy, a, b) => mul(dy, asFloat(greater(b, a))),
});
ofTwo('Minimum', {
  a: (dy, a, b) => mul(dy, asFloat(lessEqual(a, b))),
  b: (dy, a, b) => mul(dy, asFloat(greater(a, b))),
});
ofTwo('Pow', {
  a: (dy, a, b) => mul(dy, mul(b, pow(a, sub(b, 1)))),
  b: (dy, a, b) => {
    const isPositive = greater(a, 0);
    const safe = where(isPositive, a, core.onesLike(a));
    return mul(dy, mul(mul(pow(a, b), log(safe)), asFloat(isPositive)));
  },
});

ofInput('Abs', (x) => core.sign(x));
ofInput('Square', (x) => mul(cast(x, 'float32'), 2));
ofInput('Log', (x) => div(1, x));
ofInput('Log1p', (x) => div(1, add(x, 1)));
ofInput('Sin', (x) => core.cos(x));
ofInput('Cos', (x) => neg(core.sin(x)));
ofInput('Softplus', (x) => core.sigmoid(x));
// erf'(x) = 2/sqrt(π) · exp(-x²)
ofInput('Erf', (x) => mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)));
ofInput('Relu', (x) => asFloat(greater(x, 0)));
ofInput('LeakyRelu', (x, { alpha }) => where(greater(x, 0), core.onesLike(x), core.fill(x.shape, Number(alpha))));
ofInput('ClipByValue', (x, { clipValueMin, clipValueMax }) =>
  mul(asFloat(greaterEqual(x, Number(clipValueMin))), asFloat(lessEqual(x, Number(clipValueMax)))),
);
ofOutput('Exp', (y) => y);
ofOutput('Expm1', (y) => add(y, 1));
ofOutput('Sigmoid', (y) => mul(y, sub(1, y)));
ofOutput('Tanh', (y) => sub(1, square(y)));
ofOutput('Sqrt', (y) => div(0.5, y));
ofOutput('Rsqrt', (y) => mul(mul(y, mul(y, y)), -0.5));
ofOutput('Reciprocal', (y) => neg(square(y)));

registerDerivative('Neg', { gradients: ({ dy }) => ({ x: () => neg(dy) }) });
registerDerivative('Identity', { gradients: ({ dy }) => ({ x: () => core.clone(dy) }) });
registerDerivative('Cast', { gradients: ({ dy }) => ({ x: () => core.clone(dy) }) });
for (const flat of ['ZerosLike', 'OnesLike', 'Floor', 'Ceil', 'Round', 'Sign', 'Step']) {
  registerDerivative(flat, { gradients: ({ dy }) => ({ x: () => core.zerosLike(dy) }) });
}
for (const comparison of ['GreaterEqual', 'Greater', 'LessEqual', 'Less', 'Equal', 'NotEqual']) {
  ofTwo(comparison, { a: (dy) => core.zerosLike(dy), b: (dy) => core.zerosLike(dy) });
}

// y = condition ? t : e, all of one shape.
registerDerivative('Select', {
  saves: ['condition'],
  gradients: ({ dy, saved }) => {
    const isChosen = asFloat(at(saved, 0));
    return {
      condition: () => core.zerosLike(isChosen),
      t: () => mul(dy, isChosen),
      e: () => mul(dy, sub(1, isChosen)),
    };
  },
});

registerDerivative('AddN', {
  savesAll: true,
  gradients: ({ dy, saved }) => Object.fromEntries(saved.map((_, i) => [String(i), () => core.clone(dy)])),
});
