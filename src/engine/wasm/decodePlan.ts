// The plan that the kernel `decode` reads, field by field in the order of assembly/decode.ts, and the cutting of its phases.
import type { DecoderShape } from '../decoder.ts';
import type { KernelRuntime } from './runtime.ts';

const DOUBLES = ['inverseTemperature', 'topP'] as const;
const FLOATS = ['epsilon', 'attentionScale', 'logitScale'] as const;
const INTEGERS = [
  ...['hidden', 'intermediate', 'layers', 'heads', 'kvHeads', 'headDim', 'vocab', 'capacity'],
  ...['embedding', 'layerTable', 'finalNorm', 'output', 'cos', 'sin'],
  ...['x', 'projected', 'mixed', 'activation', 'logits'],
  ...['rows', 'tokens', 'slots', 'positions'],
  ...['topK', 'uniforms', 'toTokens', 'toLogProbs', 'toEntropy'],
  ...['control', 'phases', 'phaseCount', 'perPiece'],
];
/** Doubles, four floats, integers. */
export const PLAN_BYTES = 16 + 16 + INTEGERS.length * 4;

export const LAYER_FIELDS = [
  ...['inputNorm', 'projections', 'projectionBias', 'queryNorm', 'keyNorm'],
  ...['output', 'outputBias', 'feedForwardNorm', 'gateUp', 'gateUpBias', 'down', 'downBias'],
  ...['keyCache', 'valueCache'],
] as const;

/** Writes the named fields of the plan at `plan`. */
export function writePlan(runtime: KernelRuntime, plan: number, fields: Record<string, number>): void {
  const doubles = runtime.doubles(plan, DOUBLES.length);
  const floats = runtime.floats(plan + 16, FLOATS.length);
  const integers = runtime.integers(plan + 32, INTEGERS.length);
  for (const [name, value] of Object.entries(fields)) {
    const places = [DOUBLES, FLOATS, INTEGERS].map((names: ReadonlyArray<string>) => names.indexOf(name));
    const [double = -1, float = -1, integer = -1] = places;
    if (double >= 0) doubles[double] = value;
    else if (float >= 0) floats[float] = value;
    else integers[integer] = value;
  }
}

/** Up to a multiple of `unit`. */
export const upTo = (count: number, unit: number): number => Math.ceil(count / unit) * unit;

/** Multiply-adds in one piece: some 5 µs, many times what handing one out costs. */
const PIECE_WORK = 2 ** 18;
/** Below this much work in a phase on the average, meeting costs more than sharing saves. */
const LEAST_SHARED_WORK = 2 ** 19;
/** The time of one logit's share in sampling, in the time of multiply-adds. */
const SAMPLE_WORK = 128;

/** Kinds of phases as the kernel counts them; those from the second to the sixth come once a layer. */
interface PhaseKind {
  units: number;
  /** Multiply-adds of one unit. */
  work: number;
}

/** One call of the kernel. */
interface Pass {
  rows: number;
  /** Positions of a slot. */
  capacity: number;
  /** Columns of a full panel of weights. */
  columns: number;
  /** Whether logits and tokens are wanted too. */
  draws: boolean;
}

function phaseKinds(shape: DecoderShape, { rows, capacity, columns }: Pass): PhaseKind[] {
  const { hidden, intermediate, heads, kvHeads, headDim, vocab } = shape;
  const panels = (width: number): number => Math.ceil(width / columns);
  const product = (width: number, k: number): PhaseKind => ({ units: panels(width), work: rows * k * columns });
  return [
    { units: rows, work: hidden },
    { units: heads + 2 * kvHeads, work: rows * hidden * upTo(headDim, 8) },
    { units: rows * kvHeads, work: (heads / kvHeads) * headDim * capacity * 4 },
    product(hidden, heads * headDim),
    { units: panels(intermediate), work: 2 * rows * hidden * columns },
    product(hidden, intermediate),
    product(vocab, hidden),
    { units: rows, work: vocab * SAMPLE_WORK },
  ];
}

export interface Pieces {
  /** Units in a piece of each kind of phase. */
  perPiece: number[];
  /** The number of the first piece of each phase, and that of all pieces. */
  starts: number[];
  /** Whether the phases are large enough for several threads, which meet at the end of each. */
  isShared: boolean;
}

/** Cuts the phases of a pass into pieces. */
export function cutPhases(shape: DecoderShape, pass: Pass): Pieces {
  const { draws } = pass;
  const kinds = phaseKinds(shape, pass);
  const perPiece = kinds.map(({ units, work }) => Math.min(units, Math.max(1, Math.round(PIECE_WORK / work))));
  const pieces = kinds.map(({ units }, kind) => Math.ceil(units / (perPiece[kind] ?? 1)));
  const ofLayer = pieces.slice(1, 6);
  // Where nothing is drawn, keys and values are all that is wanted of the last layer.
  const counts = [
    ...pieces.slice(0, 1),
    ...Array.from({ length: shape.layers - 1 }, () => ofLayer).flat(),
    ...(draws ? pieces.slice(1) : pieces.slice(1, 2)),
  ];
  const starts = [0];
  for (const count of counts) starts.push((starts.at(-1) ?? 0) + count);
  const works = kinds.map(({ units, work }) => units * work);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const work = shape.layers * sum(works.slice(1, 6)) + (draws ? sum(works.slice(6)) : 0);
  return { perPiece, starts, isShared: work >= LEAST_SHARED_WORK * counts.length };
}
