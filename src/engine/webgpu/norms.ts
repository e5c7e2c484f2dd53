// Normalisation on webgpu: by the root mean square, and by mean and variance. One work group a row.
import { defineKernel } from './define.ts';
import { type Dispatcher, groupsFor, type Program } from './dispatcher.ts';
import { columnSum, EACH, ROWS, rowMain, sumColumns } from './rows.ts';
import { rowsOf } from './sizes.ts';

/** s = 1 / sqrt(mean(x²) + ε), y = x · s · g; s is kept for the gradients. */
export const RMS_NORM: Program = {
  name: 'rmsNorm',
  buffers: { x: 'in f32', weight: 'in f32', y: 'out f32', scales: 'out f32' },
  numbers: { ...ROWS, epsilon: 'f32' },
  body: rowMain(`
  var sum = 0.0;
  ${EACH('sum += x[start + i] * x[start + i];')}
  let square = sumOf(sum, lane) / f32(p.width) + p.epsilon;
  let scale = inverseSqrt(square);
  if (lane == 0u) { scales[row] = scale; }
  ${EACH('y[start + i] = x[start + i] * scale * weight[i];')}`),
};

/** With x̂ = x·s: dx = s · (g·dy - x̂ · mean(g·dy·x̂)). */
const RMS_NORM_GRADIENT: Program = {
  name: 'rmsNormGradient',
  buffers: { x: 'in f32', weight: 'in f32', scales: 'in f32', dy: 'in f32', dx: 'out f32' },
  numbers: ROWS,
  body: rowMain(`
  let scale = scales[row];
  var sum = 0.0;
  ${EACH('sum += weight[i] * dy[start + i] * (x[start + i] * scale);')}
  let pull = sumOf(sum, lane) / f32(p.width);
  ${EACH('dx[start + i] = scale * (weight[i] * dy[start + i] - x[start + i] * scale * pull);')}`),
};

/** s = 1 / sqrt(var(x) + ε), y = (x - mean) · s · g + b; mean and s are kept for the gradients. */
const LAYER_NORM: Program = {
  name: 'layerNorm',
  buffers: {
    ...{ x: 'in f32', weight: 'in f32', bias: 'in f32' },
    ...{ y: 'out f32', means: 'out f32', scales: 'out f32' },
  },
  numbers: { ...ROWS, epsilon: 'f32' },
  body: rowMain(`
  var sum = 0.0;
  ${EACH('sum += x[start + i];')}
  let mean = sumOf(sum, lane) / f32(p.width);
  sum = 0.0;
  ${EACH('sum += (x[start + i] - mean) * (x[start + i] - mean);')}
  let scale = inverseSqrt(sumOf(sum, lane) / f32(p.width) + p.epsilon);
  if (lane == 0u) {
    means[row] = mean;
    scales[row] = scale;
  }
  ${EACH('y[start + i] = (x[start + i] - mean) * scale * weight[i] + bias[i];')}`),
};

/** With x̂ = (x - mean)·s: dx = s · (g·dy - mean(g·dy) - x̂ · mean(g·dy·x̂)). */
const LAYER_NORM_GRADIENT: Program = {
  name: 'layerNormGradient',
  buffers: {
    ...{ x: 'in f32', weight: 'in f32', means: 'in f32', scales: 'in f32', dy: 'in f32' },
    dx: 'out f32',
  },
  numbers: ROWS,
  body: rowMain(`
  let mean = means[row];
  let scale = scales[row];
  var sum = 0.0;
  var along = 0.0;
  ${EACH(`
    let slope = weight[i] * dy[start + i];
    sum += slope;
    along += slope * ((x[start + i] - mean) * scale);`)}
  sum = sumOf(sum, lane) / f32(p.width);
  along = sumOf(along, lane) / f32(p.width);
  ${EACH('dx[start + i] = scale * (weight[i] * dy[start + i] - sum - (x[start + i] - mean) * scale * along);')}`),
};

const GAIN_GRADIENT = columnSum(
  'rmsNormGainGradient',
  { x: 'in f32', scales: 'in f32', dy: 'in f32' },
  'dy[at] * x[at] * scales[row]',
);

const LAYER_GAIN_GRADIENT = columnSum(
  'layerNormGainGradient',
  { x: 'in f32', means: 'in f32', scales: 'in f32', dy: 'in f32' },
  'dy[at] * (x[at] - means[row]) * scales[row]',
);

export function defineNorms(dispatcher: Dispatcher): void {
  defineKernel('FourfoldRmsNorm', ({ input, number }) => {
    const [x, weight] = [input('x'), input('weight')];
    const size = rowsOf(x.shape);
    const [y, scales] = [dispatcher.output(x.shape), dispatcher.output([size.rows])];
    dispatcher.run(RMS_NORM, { x, weight, y, scales }, { ...size, epsilon: number('epsilon') }, groupsFor(size.rows));
    return [y, scales];
  });
  defineKernel('FourfoldRmsNormGradient', ({ input }) => {
    const [x, weight, scales, dy] = [input('x'), input('weight'), input('scales'), input('dy')];
    const size = rowsOf(x.shape);
    const dx = dispatcher.output(x.shape);
    dispatcher.run(RMS_NORM_GRADIENT, { x, weight, scales, dy, dx }, size, groupsFor(size.rows));
    return dx;
  });
  defineKernel('FourfoldRmsNormGainGradient', ({ input }) => {
    const [x, scales, dy] = [input('x'), input('scales'), input('dy')];
    const size = rowsOf(x.shape);
    return sumColumns(dispatcher, GAIN_GRADIENT, { x, scales, dy }, size);
  });
  defineKernel('FourfoldLayerNorm', ({ input, number }) => {
    const [x, weight, bias] = [input('x'), input('weight'), input('bias')];
    const size = rowsOf(x.shape);
    const [y, means, scales] = [
      dispatcher.output(x.shape),
      dispatcher.output([size.rows]),
      dispatcher.output([size.rows]),
    ];
    const numbers = { ...size, epsilon: number('epsilon') };
    dispatcher.run(LAYER_NORM, { x, weight, bias, y, means, scales }, numbers, groupsFor(size.rows));
    return [y, means, scales];
  });
  defineKernel('FourfoldLayerNormGradient', ({ input }) => {
    const [x, weight, dy] = [input('x'), input('weight'), input('dy')];
    const [means, scales] = [input('means'), input('scales')];
    const size = rowsOf(x.shape);
    const dx = dispatcher.output(x.shape);
    dispatcher.run(LAYER_NORM_GRADIENT, { x, weight, means, scales, dy, dx }, size, groupsFor(size.rows));
    return dx;
  });
  defineKernel('FourfoldLayerNormGainGradient', ({ input }) => {
    const [x, means, scales, dy] = [input('x'), input('means'), input('scales'), input('dy')];
    const size = rowsOf(x.shape);
    return sumColumns(dispatcher, LAYER_GAIN_GRADIENT, { x, means, scales, dy }, size);
  });
}
