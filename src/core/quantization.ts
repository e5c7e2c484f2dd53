// How frozen weights may be held instead of float32; an option of several commands.

export const QUANTIZATIONS = ['int8'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];
