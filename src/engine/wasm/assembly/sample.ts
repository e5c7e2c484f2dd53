// The choice of the next token from a row of logits: greedy, temperature, top-k, top-p.
// The draw inverts the cumulative distribution in ascending order of the tokens (with filters: in descending order of
// probability), in double precision, so that rounding decides no draw in practice.
import { FOLD_STATE, rowLogProb } from './logProbs';
import { rowMax } from './rows';
import { expPair } from './vector';

/** Tokens whose weights are summed up together. */
const PART: i32 = 256;

/** Bytes of scratch for one row: the running values of its log-probability, and a heap of tokens or the sums of parts. */
export function sampleScratch(vocab: i32): i32 {
  return 16 + max(vocab << 2, ((vocab + PART - 1) / PART) << 3);
}

/**
 * Draws from softmax(logits·inverse) of each row first .. last - 1, within the filters; an inverse of 0 is greedy. A
 * token of -1 tells that the logits are not finite. Log-probability and entropy are those of softmax(logits·scale), before
 * the filters, by the same chain of operations as logProbs. The logits are scaled in place.
 *
 * @param inverse 1 / temperature; @param scale the same in single precision, or 1 where greedy
 * @param uniforms a number in [0, 1) a row, in double precision
 */
export function sampleRows(
  first: i32, last: i32, vocab: i32, logits: usize, step: i32, inverse: f64, scale: f32, topK: i32, topP: f64,
  uniforms: usize, toTokens: usize, toLogProbs: usize, toEntropy: usize, scratch: usize,
): void {
  for (let r = first; r < last; r++) {
    const row = logits + ((<usize>(<i64>r * step)) << 2);
    const here = <usize>r << 2;
    const token = choose(vocab, row, inverse, topK, topP, load<f64>(uniforms + (<usize>r << 3)), scratch + 16);
    store<i32>(toTokens + here, token);
    rowLogProb(vocab, row, max(0, token), scale, toLogProbs + here, toEntropy + here, scratch);
  }
}

function choose(vocab: i32, row: usize, inverse: f64, topK: i32, topP: f64, uniform: f64, space: usize): i32 {
  const top = rowMax(vocab, row);
  if (inverse == 0 || topK == 1) return firstOf(vocab, row, top);
  if (topK <= 0 && topP >= 1) return draw(vocab, row, top, inverse, uniform, space);
  return drawFiltered(vocab, row, top, inverse, topK, topP, uniform, space);
}

/** The first token of logit `top`, or -1 where there is no finite largest logit. */
function firstOf(vocab: i32, row: usize, top: f32): i32 {
  if (!isFinite(top)) return -1;
  for (let i = 0; i < vocab; i++) if (load<f32>(row + (<usize>i << 2)) == top) return i;
  return -1;
}

/** e^((logit - top)·inverse) of one token. */
function weightOf(row: usize, token: i32, top: f32, inverse: f64): f64 {
  const below = (<f64>load<f32>(row + (<usize>token << 2)) - <f64>top) * inverse;
  return f64x2.extract_lane(expPair(f64x2.splat(below)), 0);
}

/** The sum of the weights of the tokens first .. first + count - 1. */
function weightSum(row: usize, first: i32, count: i32, top: f32, inverse: f64): f64 {
  const tops = f64x2.splat(top), inverses = f64x2.splat(inverse);
  let low = f64x2.splat(0), high = low;
  let p = row + (<usize>first << 2);
  const end = p + (<usize>(count & ~3) << 2);
  for (; p < end; p += 16) {
    const four = v128.load(p);
    const left = f64x2.promote_low_f32x4(four);
    const right = f64x2.promote_low_f32x4(i64x2.shuffle(four, four, 1, 1));
    low = f64x2.add(low, expPair(f64x2.mul(f64x2.sub(left, tops), inverses)));
    high = f64x2.add(high, expPair(f64x2.mul(f64x2.sub(right, tops), inverses)));
  }
  low = f64x2.add(low, high);
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
  for (let i = first + (count & ~3); i < first + count; i++) sum += weightOf(row, i, top, inverse);
  return sum;
}

function draw(vocab: i32, row: usize, top: f32, inverse: f64, uniform: f64, sums: usize): i32 {
  let total: f64 = 0;
  let at = sums;
  for (let i = 0; i < vocab; i += PART) {
    const sum = weightSum(row, i, min(PART, vocab - i), top, inverse);
    store<f64>(at, sum);
    total += sum;
    at += 8;
  }
  if (!isFinite(total)) return -1;
  const target = uniform * total;
  let mass: f64 = 0;
  let first = 0;
  at = sums;
  // The last part stays, whatever rounding says.
  for (; first + PART < vocab; first += PART) {
    const next = mass + load<f64>(at);
    if (next > target) break;
    mass = next;
    at += 8;
  }
  let last = first;
  for (let i = first; i < min(vocab, first + PART); i++) {
    const weight = weightOf(row, i, top, inverse);
    if (weight == 0) continue;
    mass += weight;
    last = i;
    if (mass > target) break;
  }
  return last;
}

/**
 * Top-k (Fan, Lewis and Dauphin 2018), then within it top-p, the smallest set whose probability reaches p and at least one
 * token (Holtzman et al. 2020). `heap` holds all tokens, the most probable on top; those taken off gather at its end.
 */
function drawFiltered(
  vocab: i32, row: usize, top: f32, inverse: f64, topK: i32, topP: f64, uniform: f64, heap: usize,
): i32 {
  for (let i = 0; i < vocab; i++) store<i32>(heap + (<usize>i << 2), i);
  for (let i = (vocab >> 1) - 1; i >= 0; i--) sink(heap, i, vocab, row);
  const limit = topK > 0 ? min(topK, vocab) : vocab;
  let taken = 0;
  let total: f64 = 0;
  if (topK > 0) {
    for (; taken < limit; taken++) total += weightOf(row, takeTop(heap, vocab - taken, row), top, inverse);
  } else {
    total = weightSum(row, 0, vocab, top, inverse);
  }
  if (!isFinite(total)) return -1;
  let mass: f64 = 0;
  let kept = 0;
  for (; kept < limit && (kept == 0 || mass < topP * total); kept++) {
    if (kept == taken) {
      takeTop(heap, vocab - taken, row);
      taken++;
    }
    mass += weightOf(row, takenAt(heap, vocab, kept), top, inverse);
  }
  const target = uniform * mass;
  mass = 0;
  let last = takenAt(heap, vocab, 0);
  for (let i = 0; i < kept && !(mass > target); i++) {
    last = takenAt(heap, vocab, i);
    mass += weightOf(row, last, top, inverse);
  }
  return last;
}

/** The token that was taken off as number `index`. */
function takenAt(heap: usize, vocab: i32, index: i32): i32 {
  return load<i32>(heap + (<usize>(vocab - 1 - index) << 2));
}

/** Takes the most probable token off a heap of n, puts it behind the rest, and returns it. */
function takeTop(heap: usize, n: i32, row: usize): i32 {
  const end = heap + (<usize>(n - 1) << 2);
  const token = load<i32>(heap);
  store<i32>(heap, load<i32>(end));
  store<i32>(end, token);
  sink(heap, 0, n - 1, row);
  return token;
}

/** Whether token a comes before b: the larger logit, among equals the lower token. */
function isBefore(a: i32, b: i32, row: usize): bool {
  const x = load<f32>(row + (<usize>a << 2)), y = load<f32>(row + (<usize>b << 2));
  return x > y || (x == y && a < b);
}

function sink(heap: usize, place: i32, n: i32, row: usize): void {
  const token = load<i32>(heap + (<usize>place << 2));
  for (;;) {
    let child = 2 * place + 1;
    if (child >= n) break;
    let other = load<i32>(heap + (<usize>child << 2));
    if (child + 1 < n) {
      const right = load<i32>(heap + (<usize>(child + 1) << 2));
      if (isBefore(right, other, row)) {
        child++;
        other = right;
      }
    }
    if (!isBefore(other, token, row)) break;
    store<i32>(heap + (<usize>place << 2), other);
    place = child;
  }
  store<i32>(heap + (<usize>place << 2), token);
}
