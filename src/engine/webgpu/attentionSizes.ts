// The numbers that every attention program reads.

/** `window`: how many keys a query sees at most; `softcap`: scores s become cap·tanh(s / cap), 0 for as they are. */
export const SIZES = {
  ...({ time: 'u32', keys: 'u32', heads: 'u32', kvHeads: 'u32', scale: 'f32' } as const),
  ...({ window: 'u32', softcap: 'f32' } as const),
};
export type Sizes = Record<keyof typeof SIZES, number> & { batch: number; dim: number };
