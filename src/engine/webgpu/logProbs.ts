// Token log-probabilities on webgpu, in blocks over the vocabulary: the logits of one block are made, read and forgotten.
import { defineKernel } from './define.ts';
import { type Dispatcher, groupsFor, type Program } from './dispatcher.ts';
import { multiply, plain, turned } from './products.ts';
import { rowMain } from './rows.ts';

/** Bytes that one block of logits may take. */
const BLOCK_BYTES = 256 * 2 ** 20;
const MOST_COLUMNS = 8192;

/** How many columns of the vocabulary are looked at together. */
function blockOf(rows: number, vocab: number): number {
  const fitting = Math.floor(BLOCK_BYTES / (4 * Math.max(rows, 1)));
  // Whole tiles of a product.
  return Math.min(vocab, MOST_COLUMNS, Math.max(128, fitting - (fitting % 128)));
}

/** Of each row: greatest logit, Σ exp(logit - greatest), Σ exp(logit - greatest)·logit, and the target's logit. */
const ABSORB: Program = {
  name: 'absorbLogits',
  buffers: { logits: 'in f32', targets: 'in i32', state: 'out f32' },
  numbers: { rows: 'u32', width: 'u32', block: 'u32', scale: 'f32' },
  body: rowMain(`
  var top = -3.4e38;
  for (var i = lane; i < p.width; i += LANES) { top = max(top, logits[start + i] * p.scale); }
  top = maxOf(top, lane);
  let isFirst = p.block == 0u;
  let before = select(state[4u * row], -3.4e38, isFirst);
  let newTop = max(before, top);
  var sum = 0.0;
  var weighted = 0.0;
  for (var i = lane; i < p.width; i += LANES) {
    let logit = logits[start + i] * p.scale;
    let weight = exp(logit - newTop);
    sum += weight;
    weighted += weight * logit;
  }
  sum = sumOf(sum, lane);
  weighted = sumOf(weighted, lane);
  if (lane == 0u) {
    let fade = select(exp(before - newTop), 0.0, isFirst);
    let oldSum = select(state[4u * row + 1u], 0.0, isFirst);
    let oldWeighted = select(state[4u * row + 2u], 0.0, isFirst);
    state[4u * row] = newTop;
    state[4u * row + 1u] = oldSum * fade + sum;
    state[4u * row + 2u] = oldWeighted * fade + weighted;
    let target0 = u32(targets[row]);
    if (target0 >= p.block && target0 < p.block + p.width) {
      state[4u * row + 3u] = logits[start + target0 - p.block] * p.scale;
    }
  }`),
};

/** log π = logit - logSum; H = logSum - Σ π·logit. */
const CLOSE: Program = {
  name: 'closeLogProbs',
  buffers: { state: 'in f32', logProbs: 'out f32', entropy: 'out f32', logSums: 'out f32' },
  numbers: { rows: 'u32' },
  body: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= p.rows) { return; }
  let logSum = state[4u * row] + log(state[4u * row + 1u]);
  logProbs[row] = state[4u * row + 3u] - logSum;
  entropy[row] = logSum - state[4u * row + 2u] / state[4u * row + 1u];
  logSums[row] = logSum;
}`,
};

/** In place: logits of a block become dlogits = scale · dy · (1 where the target - softmax). */
const DIFFER: Program = {
  name: 'differLogits',
  buffers: { targets: 'in i32', logSums: 'in f32', dy: 'in f32', logits: 'out f32' },
  numbers: { rows: 'u32', width: 'u32', block: 'u32', scale: 'f32' },
  body: rowMain(`
  let target0 = u32(targets[row]);
  let slope = dy[row] * p.scale;
  for (var i = lane; i < p.width; i += LANES) {
    let hit = select(0.0, 1.0, p.block + i == target0);
    logits[start + i] = slope * (hit - exp(logits[start + i] * p.scale - logSums[row]));
  }`),
};

export function defineLogProbs(dispatcher: Dispatcher): void {
  defineKernel('FourfoldTokenLogProbs', ({ input, number }) => {
    const [hidden, weight, targets] = [input('hidden'), input('weight'), input('targets')];
    const [rows, width] = hidden.shape as [number, number];
    const vocab = weight.shape[0] ?? 0;
    const columns = blockOf(rows, vocab);
    const state = dispatcher.output([rows, 4]);
    for (let block = 0; block < vocab; block += columns) {
      const size = { m: rows, n: Math.min(columns, vocab - block), k: width };
      const logits = dispatcher.output([rows, size.n]);
      const b = turned(weight, width, block * width);
      multiply(dispatcher, { size, a: plain(hidden, width), b, to: logits });
      const numbers = { rows, width: size.n, block, scale: number('scale') };
      dispatcher.run(ABSORB, { logits, targets, state }, numbers, groupsFor(rows));
      dispatcher.release(logits);
    }
    const [logProbs, entropy, logSums] = [
      dispatcher.output([rows]),
      dispatcher.output([rows]),
      dispatcher.output([rows]),
    ];
    dispatcher.run(CLOSE, { state, logProbs, entropy, logSums }, { rows }, [Math.ceil(rows / 64)]);
    dispatcher.release(state);
    return [logProbs, entropy, logSums];
  });

  // dHidden and dWeight; the attributes tell which are wanted, and only those come back.
  defineKernel('FourfoldTokenLogProbsGradient', ({ input, number, attributes }) => {
    const [hidden, weight, targets] = [input('hidden'), input('weight'), input('targets')];
    const [rows, width] = hidden.shape as [number, number];
    const vocab = weight.shape[0] ?? 0;
    const dHidden = attributes.wantsHidden === true ? dispatcher.output(hidden.shape) : null;
    const dWeight = attributes.wantsWeight === true ? dispatcher.output(weight.shape) : null;
    const columns = blockOf(rows, vocab);
    for (let block = 0; block < vocab; block += columns) {
      const n = Math.min(columns, vocab - block);
      const logits = dispatcher.output([rows, n]);
      const blockAt = block * width;
      multiply(dispatcher, {
        size: { m: rows, n, k: width },
        a: plain(hidden, width),
        b: turned(weight, width, blockAt),
        to: logits,
      });
      const tensors = { targets, logSums: input('logSums'), dy: input('dy'), logits };
      dispatcher.run(DIFFER, tensors, { rows, width: n, block, scale: number('scale') }, groupsFor(rows));
      if (dHidden !== null) {
        const size = { m: rows, n: width, k: n };
        const b = plain(weight, width, blockAt);
        multiply(dispatcher, { size, a: plain(logits, n), b, to: dHidden, accumulates: block > 0 });
      }
      if (dWeight !== null) {
        const size = { m: n, n: width, k: rows };
        multiply(dispatcher, { size, a: turned(logits, n), b: plain(hidden, width), to: dWeight, toAt: blockAt });
      }
      dispatcher.release(logits);
    }
    return [dHidden, dWeight].filter((gradient) => gradient !== null);
  });
}
