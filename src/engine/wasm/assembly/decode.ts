// One pass of a Llama-shaped model over some tokens as one call: embedding, every layer against a key-value cache, and,
// where asked for, the output projection and the choice of the next tokens. Weights come packed in panels (tile.ts), are read
// once for all rows, and every element is the chain of operations that the single kernels have: the same bits.
//
// A row is one token at one position of one slot of the cache. All threads call `decode` on the same plan and share the
// pieces of its phases (tickets.ts); a piece is a range of units, of which each phase counts its own kind.
import { attendSlot, attendSlotScratch, paddedPositions, storeKey } from './attendSlot';
import { KC } from './gemm';
import { packA, packPanel } from './pack';
import { rmsNorm, rotary } from './rows';
import { sampleRows, sampleScratch } from './sample';
import { swiglu } from './pointwise';
import { copyShort } from './short';
import { awaitTickets, finishTicket, takeTicket } from './tickets';
import { MR, NR, paddedRows, panelWidth, tile, tileRows } from './tile';

/** What the host writes (wasm/decodePlan.ts has the same order). Addresses are bytes; 0 where there is nothing. */
// @ts-ignore: decorator
@unmanaged
class Plan {
  inverseTemperature: f64; topP: f64;
  epsilon: f32; attentionScale: f32; logitScale: f32; unused: f32;
  hidden: i32; intermediate: i32; layers: i32; heads: i32; kvHeads: i32; headDim: i32; vocab: i32; capacity: i32;
  embedding: usize; layerTable: usize; finalNorm: usize; output: usize; cos: usize; sin: usize;
  x: usize; projected: usize; mixed: usize; activation: usize; logits: usize;
  rows: i32; tokens: usize; slots: usize; positions: usize;
  topK: i32; uniforms: usize; toTokens: usize; toLogProbs: usize; toEntropy: usize;
  control: usize; phases: usize; phaseCount: i32; perPiece: usize;
}

// @ts-ignore: decorator
@unmanaged
class Layer {
  inputNorm: usize; projections: usize; projectionBias: usize; queryNorm: usize; keyNorm: usize;
  output: usize; outputBias: usize; feedForwardNorm: usize; gateUp: usize; gateUpBias: usize; down: usize; downBias: usize;
  keyCache: usize; valueCache: usize;
}

// Kinds of phases; those from PROJECT to DOWN come once a layer.
const EMBED: i32 = 0;
const PROJECT: i32 = 1;
const ATTEND: i32 = 2;
const OUTPUT: i32 = 3;
const GATE_UP: i32 = 4;
const DOWN: i32 = 5;
const LOGITS: i32 = 6;
const SAMPLE: i32 = 7;
const OF_LAYER: i32 = 5;

/** Up to a multiple of `unit`, a power of two. */
// @ts-ignore: decorator
@inline
function upTo(count: i32, unit: i32): i32 {
  return (count + unit - 1) & -unit;
}

/** Bytes of scratch of one thread for up to `rows` rows: packed rows, one panel's result for each, and each phase's own. */
export function decodeScratch(rows: i32, hidden: i32, widest: i32, capacity: i32, vocab: i32): i32 {
  const padded = paddedRows(rows);
  return padded * widest * 4 + padded * NR * 8 + hidden * MR * 4 + 64 + max(attendSlotScratch(capacity), sampleScratch(vocab));
}

/** Columns of a panel; a last one of 8 follows where 8 or fewer are left. */
export function panelColumns(): i32 {
  return NR;
}

/** Packs a weight [n, k] into panels of its rows; `times` panels of one width lie side by side, of which it fills that at `place`. */
export function packPanels(n: i32, k: i32, weight: usize, to: usize, place: i32, times: i32): void {
  for (let j = 0; j < n; ) {
    const width = panelWidth(n - j);
    const bytes = (<usize>width * k) << 2;
    packPanel(k, width, min(width, n - j), weight + ((<usize>j * k) << 2), 1, k, to + <usize>place * bytes);
    to += <usize>times * bytes;
    j += width;
  }
}

/** Computes the pieces of `plan` that this thread takes; returns when none is left. */
export function decode(plan: usize, scratch: usize): void {
  const p = changetype<Plan>(plan);
  const phases = p.phases;
  const total = load<i32>(phases + (<usize>p.phaseCount << 2));
  let phase = 0;
  let packed = -1;
  for (let ticket = takeTicket(p.control); ticket < total; ticket = takeTicket(p.control)) {
    while (ticket >= load<i32>(phases + (<usize>(phase + 1) << 2))) phase++;
    const start = load<i32>(phases + (<usize>phase << 2));
    awaitTickets(p.control, start);
    const inLayers = OF_LAYER * p.layers;
    const kind = phase == 0 ? EMBED : phase <= inLayers ? 1 + (phase - 1) % OF_LAYER : LOGITS + phase - 1 - inLayers;
    const layer = changetype<Layer>(p.layerTable + <usize>((phase - 1) / OF_LAYER) * offsetof<Layer>());
    const units = load<i32>(p.perPiece + (<usize>kind << 2));
    const first = (ticket - start) * units;
    if (kind != EMBED && kind != ATTEND && kind != SAMPLE && packed != phase) {
      packInput(p, layer, kind, scratch);
      packed = phase;
    }
    run(p, layer, kind, first, first + units, scratch);
    finishTicket(p.control);
  }
}

function run(p: Plan, layer: Layer, kind: i32, first: i32, end: i32, scratch: usize): void {
  switch (kind) {
    case EMBED: return embed(p, first, min(end, p.rows));
    case PROJECT: return project(p, layer, first, min(end, p.heads + 2 * p.kvHeads), scratch);
    case ATTEND: return attend(p, layer, first, min(end, p.rows * p.kvHeads), ownOf(p, scratch));
    case OUTPUT: return addProduct(p, layer.output, layer.outputBias, p.heads * p.headDim, first, end, scratch);
    case GATE_UP: return gateUp(p, layer, first, end, scratch);
    case DOWN: return addProduct(p, layer.down, layer.downBias, p.intermediate, first, end, scratch);
    case LOGITS: return logits(p, first, end, scratch);
    case SAMPLE: {
      sampleRows(
        first, min(end, p.rows), p.vocab, p.logits, upTo(p.vocab, 8), p.inverseTemperature, p.logitScale, p.topK, p.topP,
        p.uniforms, p.toTokens, p.toLogProbs, p.toEntropy, ownOf(p, scratch),
      );
      return;
    }
  }
}

// A thread's scratch: the packed rows, two panels a row for products, a tile's normalised rows, and what else a phase needs.

function widestOf(p: Plan): i32 {
  return max(max(p.hidden, p.heads * p.headDim), p.intermediate);
}

function productOf(p: Plan, scratch: usize): usize {
  return scratch + ((<usize>(paddedRows(p.rows) * widestOf(p))) << 2);
}

function normOf(p: Plan, scratch: usize): usize {
  return productOf(p, scratch) + <usize>(paddedRows(p.rows) * NR * 8);
}

function ownOf(p: Plan, scratch: usize): usize {
  return (normOf(p, scratch) + <usize>(p.hidden * MR * 4) + 64) & ~15;
}

/** Packs the input of a phase's product, all rows, tile by tile; normalised where the phase begins with a norm. */
function packInput(p: Plan, layer: Layer, kind: i32, scratch: usize): void {
  let from = p.x;
  let width = p.hidden, step = p.hidden;
  let gain: usize = 0;
  if (kind == PROJECT) gain = layer.inputNorm;
  else if (kind == GATE_UP) gain = layer.feedForwardNorm;
  else if (kind == LOGITS) gain = p.finalNorm;
  else if (kind == OUTPUT) {
    from = p.mixed;
    width = step = p.heads * p.headDim;
  } else {
    from = p.activation;
    width = p.intermediate;
    step = upTo(width, 8);
  }
  const normed = normOf(p, scratch);
  let to = scratch;
  for (let r = 0; r < p.rows; r += MR) {
    const count = min(MR, p.rows - r);
    let rows = from + ((<usize>r * step) << 2);
    if (gain != 0) {
      rmsNorm(count, width, rows, gain, p.epsilon, normed, normed + <usize>(p.hidden * MR * 4));
      rows = normed;
    }
    packA(width, count, rows, step, 1, to);
    to += <usize>(width * tileRows(count)) << 2;
  }
}

/** All rows against one panel of `width` columns, from k at zero, or from what is at `to`. */
function panel(p: Plan, width: i32, k: i32, a: usize, b: usize, to: usize, step: usize, isContinued: bool): void {
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    let rows = a;
    let at = to;
    for (let r = 0; r < p.rows; r += MR) {
      const count = tileRows(p.rows - r);
      tile(count, width, kc, rows + (<usize>(k0 * count) << 2), <usize>count << 2, b, at, step, isContinued || k0 > 0);
      rows += <usize>(k * count) << 2;
      at += <usize>count * step;
    }
    b += <usize>(kc * width) << 2;
  }
}

/** Lays the `width` values at `bias` out at each row. */
function layBias(p: Plan, width: i32, bias: usize, to: usize, step: usize): void {
  for (let r = 0; r < p.rows; r++) {
    copyShort(to, bias, <usize>width << 2);
    to += step;
  }
}

function embed(p: Plan, first: i32, end: i32): void {
  const bytes = <usize>p.hidden << 2;
  for (let r = first; r < end; r++) {
    memory.copy(p.x + <usize>r * bytes, p.embedding + <usize>load<i32>(p.tokens + (<usize>r << 2)) * bytes, bytes);
  }
}

/** The heads first .. end - 1 out of queries, keys and values, with bias, norm and rotary positions; keys and values stored. */
function project(p: Plan, layer: Layer, first: i32, end: i32, scratch: usize): void {
  const dim = p.headDim, padded = upTo(dim, 8), k = p.hidden;
  const step = (<usize>((p.heads + 2 * p.kvHeads) * padded)) << 2;
  const scales = normOf(p, scratch);
  for (let head = first; head < end; head++) {
    const to = p.projected + ((<usize>(head * padded)) << 2);
    for (let j = 0; j < padded; ) {
      const width = panelWidth(padded - j);
      const column = to + (<usize>j << 2);
      const unit = <usize>(head * padded + j);
      if (layer.projectionBias != 0) layBias(p, width, layer.projectionBias + (unit << 2), column, step);
      panel(p, width, k, scratch, layer.projections + unit * (<usize>k << 2), column, step, layer.projectionBias != 0);
      j += width;
    }
    const isValue = head >= p.heads + p.kvHeads;
    const isQuery = head < p.heads;
    const gain = isQuery ? layer.queryNorm : isValue ? 0 : layer.keyNorm;
    const kv = isValue ? head - p.heads - p.kvHeads : head - p.heads;
    for (let r = 0; r < p.rows; r++) {
      const at = to + <usize>r * step;
      const position = p.positions + (<usize>r << 2);
      if (gain != 0) rmsNorm(1, dim, at, gain, p.epsilon, at, scales);
      if (!isValue) rotary(1, 1, dim >> 1, at, position, p.cos, p.sin, 1, at);
      if (isQuery) continue;
      const slot = load<i32>(p.slots + (<usize>r << 2)) * p.kvHeads + kv;
      if (isValue) {
        const place = <i64>slot * p.capacity + load<i32>(position);
        copyShort(layer.valueCache + ((<usize>(place * dim)) << 2), at, <usize>dim << 2);
      } else {
        storeKey(dim, at, keysOf(p, layer, slot), load<i32>(position));
      }
    }
  }
}

/** The blocks of keys of a slot's key head. */
function keysOf(p: Plan, layer: Layer, slot: i32): usize {
  return layer.keyCache + ((<usize>(<i64>slot * paddedPositions(p.capacity) * p.headDim)) << 2);
}

/** The key heads first .. end - 1 out of rows·kvHeads, each with all its query heads. */
function attend(p: Plan, layer: Layer, first: i32, end: i32, scores: usize): void {
  const dim = p.headDim, padded = upTo(dim, 8), group = p.heads / p.kvHeads;
  for (let i = first; i < end; i++) {
    const r = i / p.kvHeads, kv = i % p.kvHeads;
    const seen = load<i32>(p.positions + (<usize>r << 2)) + 1;
    const slot = load<i32>(p.slots + (<usize>r << 2)) * p.kvHeads + kv;
    const keys = keysOf(p, layer, slot);
    const values = layer.valueCache + ((<usize>(<i64>slot * p.capacity * dim)) << 2);
    for (let h = kv * group; h < (kv + 1) * group; h++) {
      const query = p.projected + ((<usize>((r * (p.heads + 2 * p.kvHeads) + h) * padded)) << 2);
      attendSlot(seen, dim, query, keys, values, p.attentionScale, p.mixed + ((<usize>((r * p.heads + h) * dim)) << 2), scores);
    }
  }
}

/** x += input·weightᵀ in the panels first .. end - 1. */
function addProduct(p: Plan, weight: usize, bias: usize, k: i32, first: i32, end: i32, scratch: usize): void {
  const product = productOf(p, scratch);
  for (let j = first * NR; j < min(end * NR, p.hidden); j += NR) {
    const width = panelWidth(p.hidden - j);
    const step = <usize>width << 2;
    if (bias != 0) layBias(p, width, bias + (<usize>j << 2), product, step);
    panel(p, width, k, scratch, weight + (<usize>(j * k) << 2), product, step, bias != 0);
    const bytes = <usize>min(width, p.hidden - j) << 2;
    for (let r = 0; r < p.rows; r++) {
      const from = product + <usize>r * step;
      const to = p.x + ((<usize>(r * p.hidden + j)) << 2);
      let c: usize = 0;
      for (; c + 16 <= bytes; c += 16) v128.store(to + c, f32x4.add(v128.load(to + c), v128.load(from + c)));
      for (; c < bytes; c += 4) store<f32>(to + c, load<f32>(to + c) + load<f32>(from + c));
    }
  }
}

/** silu(gate)·up in the panels first .. end - 1; a panel of the gate and one of the other lie side by side. */
function gateUp(p: Plan, layer: Layer, first: i32, end: i32, scratch: usize): void {
  const product = productOf(p, scratch);
  const step = <usize>upTo(p.intermediate, 8) << 2;
  const bias = layer.gateUpBias;
  for (let j = first * NR; j < min(end * NR, p.intermediate); j += NR) {
    const width = panelWidth(p.intermediate - j);
    const bytes = <usize>width << 2;
    const panelBytes = bytes * p.hidden;
    const gate = layer.gateUp + (<usize>(j * p.hidden) << 3);
    if (bias != 0) {
      layBias(p, width, bias + (<usize>j << 3), product, bytes << 1);
      layBias(p, width, bias + (<usize>j << 3) + bytes, product + bytes, bytes << 1);
    }
    panel(p, width, p.hidden, scratch, gate, product, bytes << 1, bias != 0);
    panel(p, width, p.hidden, scratch, gate + panelBytes, product + bytes, bytes << 1, bias != 0);
    for (let r = 0; r < p.rows; r++) {
      const at = product + <usize>r * (bytes << 1);
      swiglu(width, at, at + bytes, p.activation + <usize>r * step + (<usize>j << 2));
    }
  }
}

function logits(p: Plan, first: i32, end: i32, scratch: usize): void {
  const step = <usize>upTo(p.vocab, 8) << 2;
  for (let j = first * NR; j < min(end * NR, p.vocab); j += NR) {
    const at = p.output + (<usize>(<i64>j * p.hidden) << 2);
    panel(p, panelWidth(p.vocab - j), p.hidden, scratch, at, p.logits + (<usize>j << 2), step, false);
  }
}
