// The decoder on wasm: a Llama-shaped model's pass over some tokens as one call of the kernel `decode`, on all threads.
// It holds the weights once more, packed for the kernel, and the key-value cache, until it is disposed.
import { FourfoldError } from '../../core/errors.ts';
import { type CacheSize, type DecoderModel, type DecoderRow, expectRowsFit, type FusedDecoder } from '../decoder.ts';
import type { Drawn, SamplingRule } from '../ops/sample.ts';
import { cutPhases, type Pieces, PLAN_BYTES, upTo, writePlan } from './decodePlan.ts';
import { KEY_BLOCK, PackedModel } from './packedModel.ts';
import type { KernelRuntime } from './runtime.ts';

/** Tokens of prompts in one call. */
const MOST_ROWS = 128;
/** Larger packed weights would not fit into the 4 GiB of a WebAssembly memory beside the weights themselves. */
const MOST_PACKED_BYTES = 2 ** 30;
const CONTROL_BYTES = 128;
/** Rows that the last tile of a product may compute beyond those wanted. */
const TILE_EDGE = 3;

/** A decoder in `runtime`'s memory; null where packed weights and cache do not fit into it. */
export function makeWasmDecoder(runtime: KernelRuntime, model: DecoderModel, size: CacheSize): WasmDecoder | null {
  const { hidden, intermediate, layers, heads, kvHeads, headDim, vocab } = model.shape;
  const ofLayer = hidden * ((2 * heads + 2 * kvHeads) * upTo(headDim, 8) + 3 * intermediate);
  if ((layers * ofLayer + vocab * hidden) * 4 > MOST_PACKED_BYTES) return null;
  try {
    return new WasmDecoder(runtime, model, size);
  } catch (error) {
    if (error instanceof FourfoldError && error.code === 'unsupported') return null;
    throw error;
  }
}

class WasmDecoder implements FusedDecoder {
  readonly #runtime: KernelRuntime;
  readonly #model: DecoderModel;
  readonly #size: CacheSize;
  readonly #most: number;
  /** By the number of rows, negative where nothing is drawn. */
  readonly #pieces = new Map<number, Pieces>();
  readonly #packed: PackedModel;
  readonly #plan: number;
  readonly #at: Record<'tokens' | 'slots' | 'positions' | 'uniforms' | 'toTokens' | 'toLogProbs' | 'toEntropy', number>;
  readonly #control: number;
  readonly #phases: number;
  readonly #perPiece: number;

  constructor(runtime: KernelRuntime, model: DecoderModel, size: CacheSize) {
    this.#runtime = runtime;
    this.#model = model;
    this.#size = size;
    this.#most = Math.max(MOST_ROWS, size.slots);
    const packed = new PackedModel(runtime, model, size);
    this.#packed = packed;
    try {
      const { hidden, intermediate, heads, kvHeads, headDim, vocab, layers } = model.shape;
      const [most, space] = [this.#most + TILE_EDGE, (values: number) => packed.allocate(values * 4)];
      this.#plan = packed.allocate(PLAN_BYTES);
      this.#control = packed.allocate(CONTROL_BYTES);
      this.#phases = space(5 * layers + 4);
      this.#perPiece = space(8);
      this.#at = {
        ...{ tokens: space(most), slots: space(most), positions: space(most) },
        ...{ uniforms: space(2 * most), toTokens: space(most), toLogProbs: space(most), toEntropy: space(most) },
      };
      const layerTable = packed.packLayers();
      writePlan(runtime, this.#plan, {
        ...{ hidden, intermediate, layers, heads, kvHeads, headDim, vocab },
        ...this.#at,
        capacity: size.capacity,
        epsilon: model.shape.normEpsilon,
        attentionScale: model.shape.attentionScale,
        embedding: packed.address(model.embedding),
        layerTable,
        finalNorm: packed.address(model.finalNorm),
        output: packed.packed(model.output, hidden),
        cos: packed.address(model.tables.cos),
        sin: packed.address(model.tables.sin),
        x: space(most * hidden),
        projected: space(most * (heads + 2 * kvHeads) * upTo(headDim, 8)),
        mixed: space(most * heads * headDim),
        activation: space(most * upTo(intermediate, 8)),
        logits: space((size.slots + TILE_EDGE) * upTo(vocab, 8)),
        control: this.#control,
        phases: this.#phases,
        perPiece: this.#perPiece,
      });
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  extend(rows: ReadonlyArray<DecoderRow>): void {
    for (let start = 0; start < rows.length; start += this.#most)
      this.#run(rows.slice(start, start + this.#most), false);
  }

  copy(from: number, to: number, length: number): void {
    const { kvHeads, headDim } = this.#model.shape;
    const move = (caches: ReadonlyArray<number>, positions: number, moved: number): void => {
      const head = positions * headDim;
      for (const cache of caches) {
        const values = this.#runtime.floats(cache, this.#size.slots * kvHeads * head);
        for (let kv = 0; kv < kvHeads; kv++) {
          const start = (from * kvHeads + kv) * head;
          values.copyWithin((to * kvHeads + kv) * head, start, start + moved * headDim);
        }
      }
    };
    // Keys lie in whole blocks; what is beyond the length is written before it is read.
    move(this.#packed.keyCaches, upTo(this.#size.capacity, KEY_BLOCK), upTo(length, KEY_BLOCK));
    move(this.#packed.valueCaches, this.#size.capacity, length);
  }

  draw(rows: ReadonlyArray<DecoderRow>, uniforms: ReadonlyArray<number>, rule: SamplingRule): Drawn {
    this.#runtime.doubles(this.#at.uniforms, rows.length).set(uniforms);
    const inverse = rule.temperature === 0 ? 0 : 1 / rule.temperature;
    writePlan(this.#runtime, this.#plan, {
      ...{ topK: rule.topK, topP: rule.topP },
      ...{ inverseTemperature: inverse, logitScale: inverse === 0 ? 1 : inverse },
    });
    this.#run(rows, true);
    return {
      tokens: this.#runtime.integers(this.#at.toTokens, rows.length).slice(),
      logProbs: this.#runtime.floats(this.#at.toLogProbs, rows.length).slice(),
      entropy: this.#runtime.floats(this.#at.toEntropy, rows.length).slice(),
    };
  }

  dispose(): void {
    this.#packed.dispose();
  }

  #run(rows: ReadonlyArray<DecoderRow>, draws: boolean): void {
    const runtime = this.#runtime;
    const { hidden, intermediate, heads, headDim, vocab } = this.#model.shape;
    const { capacity } = this.#size;
    expectRowsFit(rows, this.#model.shape.vocab, this.#size);
    const write = (at: number, read: (row: DecoderRow) => number): void => {
      runtime.integers(at, rows.length).set(rows.map(read));
    };
    write(this.#at.tokens, ({ token }) => token);
    write(this.#at.slots, ({ slot }) => slot);
    write(this.#at.positions, ({ position }) => position);
    const { perPiece, starts, isShared } = this.#piecesOf(rows.length, draws);
    runtime.integers(this.#perPiece, perPiece.length).set(perPiece);
    runtime.integers(this.#phases, starts.length).set(starts);
    runtime.integers(this.#control, CONTROL_BYTES / 4).fill(0);
    writePlan(runtime, this.#plan, { rows: rows.length, phaseCount: starts.length - 1 });
    const widest = Math.max(hidden, heads * headDim, intermediate);
    const scratch = runtime.kernels.decodeScratch(rows.length, hidden, widest, capacity, vocab);
    // Every thread takes pieces of one and the same call.
    runtime.run(
      'decode',
      Array.from({ length: isShared ? runtime.threads : 1 }, () => [this.#plan]),
      scratch,
    );
  }

  #piecesOf(rows: number, draws: boolean): Pieces {
    const key = draws ? rows : -rows;
    const known = this.#pieces.get(key);
    if (known !== undefined) return known;
    const columns = this.#runtime.kernels.panelColumns();
    const pieces = cutPhases(this.#model.shape, { rows, capacity: this.#size.capacity, columns, draws });
    this.#pieces.set(key, pieces);
    return pieces;
  }
}
