// The choice of the next token on webgpu, one work group a row: see src/engine/ops/sample.ts for the rules.
import type { SamplingRule } from '../ops/sample.ts';
import { defineKernel } from './define.ts';
import { type Dispatcher, groupsFor, type Program, UNIT_OF } from './dispatcher.ts';

/** How a token is found: by the sums of all probabilities, of those that the filters keep, or the first of the largest. */
const MODES = { all: 0, filtered: 1, greedy: 2 } as const;

/**
 * Nothing is sorted: filters look for the least weight that is kept by halving, on the bits of the weights in [0, 1].
 * @param lanes of one row's work group
 */
const sampleProgram = (lanes: number): Program => ({
  name: `sample ${lanes}`,
  buffers: { logits: 'in f32', uniforms: 'in f32', drawn: 'out f32' },
  numbers: {
    ...{ rows: 'u32', vocab: 'u32', mode: 'u32', topK: 'u32' },
    ...{ topP: 'f32', inverse: 'f32' },
  },
  body: `${UNIT_OF}
const LANES = ${lanes}u;
const MOST = 1024u;
var<workgroup> parts: array<f32, ${lanes}>;
var<workgroup> counts: array<u32, ${lanes}>;
var<workgroup> near: array<f32, 1024>;

fn sumOf(value: f32, lane: u32) -> f32 {
  parts[lane] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride >>= 1u) {
    if (lane < stride) { parts[lane] += parts[lane + stride]; }
    workgroupBarrier();
  }
  let total = parts[0];
  workgroupBarrier();
  return total;
}
fn maxOf(value: f32, lane: u32) -> f32 {
  parts[lane] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride >>= 1u) {
    if (lane < stride) { parts[lane] = max(parts[lane], parts[lane + stride]); }
    workgroupBarrier();
  }
  let top = parts[0];
  workgroupBarrier();
  return top;
}
fn countOf(value: u32, lane: u32) -> u32 {
  counts[lane] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride >>= 1u) {
    if (lane < stride) { counts[lane] += counts[lane + stride]; }
    workgroupBarrier();
  }
  let total = counts[0];
  workgroupBarrier();
  return total;
}

struct Row { start: u32, top: f32 }
// exp(logit - top), in [0, 1]: its bits are in the order of the weights.
fn weightOf(row: Row, i: u32) -> f32 { return exp((logits[row.start + i] - row.top) * p.inverse); }
fn massFrom(row: Row, bits: u32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var i = lane; i < p.vocab; i += LANES) {
    let weight = weightOf(row, i);
    sum += select(0.0, weight, bitcast<u32>(weight) >= bits);
  }
  return sumOf(sum, lane);
}
fn countFrom(row: Row, bits: u32, lane: u32) -> u32 {
  var count = 0u;
  for (var i = lane; i < p.vocab; i += LANES) { count += select(0u, 1u, bitcast<u32>(weightOf(row, i)) >= bits); }
  return countOf(count, lane);
}
// Equal weights of which the ids from the lowest on are kept, and how many.
struct Choice { bits: u32, ties: f32, mass: f32 }

fn keptByCount(row: Row, total: f32, lane: u32) -> Choice {
  if (p.topK == 0u || p.topK >= p.vocab) { return Choice(0u, f32(p.vocab), total); }
  var low = 0u;
  var high = 0x3f800001u;
  for (var i = 0u; i < 31u; i++) {
    let middle = (low + high) / 2u;
    if (countFrom(row, middle, lane) >= p.topK) { low = middle; } else { high = middle; }
  }
  let ties = f32(p.topK - countFrom(row, low + 1u, lane));
  return Choice(low, ties, massFrom(row, low + 1u, lane) + ties * bitcast<f32>(low));
}
// The most probable of those kept whose mass reaches 'limit', or exceeds it.
fn reaching(row: Row, kept: Choice, limit: f32, exceeds: bool, lane: u32) -> Choice {
  var low = kept.bits;
  var high = 0x3f800001u;
  for (var i = 0u; i < 31u; i++) {
    let middle = max(low + (high - low) / 2u, low);
    let mass = massFrom(row, middle, lane);
    let isThere = (mass > limit) || (mass == limit && !exceeds);
    if (middle > low && high > low + 1u) { if (isThere) { low = middle; } else { high = middle; } }
  }
  let above = massFrom(row, low + 1u, lane);
  let value = bitcast<f32>(low);
  let equals = f32(countFrom(row, low, lane) - countFrom(row, low + 1u, lane));
  let most = select(kept.ties, equals, low > kept.bits);
  let missing = max(limit - above, 0.0) / max(value, 1e-38);
  let ties = clamp(select(ceil(missing), floor(missing) + 1.0, exceeds), 1.0, max(most, 1.0));
  return Choice(low, ties, above + ties * value);
}

@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = unitOf(group, groups);
  if (index >= p.rows) { return; }
  let start = index * p.vocab;
  var top = -3.4e38;
  var broken = 0u;
  for (var i = lane; i < p.vocab; i += LANES) {
    let bits = bitcast<u32>(logits[start + i]);
    // Minus infinity is a probability of 0; infinity and NaN are no numbers to draw from.
    if ((bits & 0x7f800000u) == 0x7f800000u) { broken += select(1u, 0u, bits == 0xff800000u); }
    else { top = max(top, logits[start + i]); }
  }
  top = maxOf(top, lane);
  broken = countOf(broken, lane);
  let row = Row(start, top);
  // Each lane has a piece of neighbouring ids, so that sums go by ascending id.
  let piece = (p.vocab + LANES - 1u) / LANES;
  let from0 = min(lane * piece, p.vocab);
  let to0 = min(from0 + piece, p.vocab);
  var sum = 0.0;
  var along = 0.0;
  for (var i = from0; i < to0; i++) {
    let weight = weightOf(row, i);
    sum += weight;
    along += select(0.0, weight * (logits[start + i] - top) * p.inverse, weight > 0.0);
  }
  let total = sumOf(sum, lane);
  let entropy = log(total) - sumOf(along, lane) / total;

  // Looked for is the first id at which the running sum of weights exceeds what is wanted: of probabilities, or of ones.
  var bits = 0u;
  var wanted = 0.0;
  let uniform0 = min(uniforms[index], ${1 - 2 ** -24});
  if (p.mode == ${MODES.filtered}u) {
    var kept = keptByCount(row, total, lane);
    if (p.topP < 1.0) { kept = reaching(row, kept, p.topP * kept.mass, false, lane); }
    let found = reaching(row, kept, uniform0 * kept.mass, true, lane);
    bits = found.bits;
    wanted = found.ties - 1.0;
  }
  if (p.mode != ${MODES.all}u) {
    sum = 0.0;
    for (var i = from0; i < to0; i++) { sum += weightIn(row, i, bits); }
  }
  parts[lane] = sum;
  workgroupBarrier();
  // Every lane finds the same piece. The whole is summed as the pieces are passed, so that no rounding leads beyond it.
  if (p.mode == ${MODES.all}u) {
    for (var i = 0u; i < LANES; i++) { wanted += parts[i]; }
    wanted *= uniform0;
  }
  var before = 0.0;
  var at = 0u;
  for (; at + 1u < LANES; at++) {
    if (before + parts[at] > wanted || (at + 1u) * piece >= p.vocab) { break; }
    before += parts[at];
  }
  workgroupBarrier();
  let first = at * piece;
  let size = min(piece, p.vocab - min(first, p.vocab));
  for (var i = lane; i < min(size, MOST); i += LANES) { near[i] = weightIn(row, first + i, bits); }
  workgroupBarrier();
  if (lane == 0u) {
    var token = first;
    for (var i = 0u; i < size; i++) {
      var weight = 0.0;
      if (i < MOST) { weight = near[i]; } else { weight = weightIn(row, first + i, bits); }
      if (weight > 0.0) { token = first + i; }
      before += weight;
      if (before > wanted) { break; }
    }
    drawn[index] = select(f32(token), -1.0, broken > 0u || top < -3.3e38);
    drawn[p.rows + index] = (logits[start + token] - top) * p.inverse - log(total);
    drawn[2u * p.rows + index] = entropy;
  }
}

fn weightIn(row: Row, i: u32, bits: u32) -> f32 {
  if (p.mode == ${MODES.greedy}u) { return select(0.0, 1.0, logits[row.start + i] == row.top); }
  let weight = weightOf(row, i);
  if (p.mode == ${MODES.filtered}u) { return select(0.0, 1.0, bitcast<u32>(weight) == bits); }
  return weight;
}`,
});
const [FOR_FEW, FOR_MANY] = [sampleProgram(16), sampleProgram(256)];

/** The program for a vocabulary: few lanes where few ids are left to each. */
export const samplerOf = (vocab: number): Program => (vocab <= 512 ? FOR_FEW : FOR_MANY);

/** The rule as the program reads it. */
export function ruleNumbers({
  temperature,
  topK,
  topP,
}: SamplingRule): Record<'mode' | 'topK' | 'topP' | 'inverse', number> {
  const isGreedy = temperature === 0 || topK === 1;
  const mode = isGreedy ? MODES.greedy : topK === 0 && topP >= 1 ? MODES.all : MODES.filtered;
  return { mode, topK, topP, inverse: temperature === 0 ? 1 : 1 / temperature };
}

export function defineSampling(dispatcher: Dispatcher): void {
  defineKernel('FourfoldSample', ({ input, attributes }) => {
    const logits = input('logits');
    const { uniforms: given, rule } = attributes as { uniforms: number[]; rule: SamplingRule };
    const [rows, vocab] = logits.shape as [number, number];
    const uniforms = dispatcher.given(given);
    const drawn = dispatcher.output([3, rows]);
    dispatcher.run(
      samplerOf(vocab),
      { logits, uniforms, drawn },
      { rows, vocab, ...ruleNumbers(rule) },
      groupsFor(rows),
    );
    dispatcher.release(uniforms);
    return drawn;
  });
}
