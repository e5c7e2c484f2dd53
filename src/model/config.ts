// The shape of a model and the switches of the one transformer that serves every architecture. Each file in architectures/
// says which switches an architecture of Hugging Face's sets, and what it calls its weights.

/** Activation of the feed-forward layer; geluTanh is the approximation by tanh. */
export type Activation = 'silu' | 'gelu' | 'geluTanh' | 'relu';

/** How rotary frequencies are stretched for longer contexts; see ropeScaling.ts. */
export type RopeScaling =
  | { kind: 'default' }
  | { kind: 'linear'; factor: number }
  | {
      kind: 'llama3';
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalMaxPositions: number;
    }
  | {
      kind: 'yarn';
      factor: number;
      /** Multiplies cosine and sine. */
      attentionFactor: number;
      betaFast: number;
      betaSlow: number;
      originalMaxPositions: number;
      /** True where the borders of the ramp are whole dimensions. */
      truncates: boolean;
    };

/** Hugging Face's names of a model's modules; those of a layer are relative to it. A parameter is `MODULE.weight`. */
export interface ModuleNames {
  /** The whole trunk; a file may leave this prefix out. */
  trunk: string;
  embedding: string;
  /** Table of learned positions. */
  positions: string | null;
  /** The list of layers; layer i is `LAYERS.i`. */
  layers: string;
  finalNorm: string;
  /** Before attention; in a parallel block, before both. */
  attentionNorm: string;
  /** On what attention gives, before it is added. */
  attentionOutputNorm: string | null;
  /** Before the feed-forward layer; null in a parallel block. */
  feedForwardNorm: string | null;
  feedForwardOutputNorm: string | null;
  /** Three projections, or one whose output is query, key and value side by side. */
  attention: { query: string; key: string; value: string } | { fused: string };
  attentionOutput: string;
  /** Norms of each head of query and key, before the positions are applied. */
  headNorms: { query: string; key: string } | null;
  /** Gate and up, or one whose output is both side by side; no gate where the activation is not gated. */
  feedForward: { gate: string; up: string } | { fused: string } | { up: string };
  down: string;
}

/** A transformer's shape; words as in the field: hidden, heads, vocab. */
export interface ModelConfig {
  /** config.json's model_type. */
  modelType: string;
  vocab: number;
  hidden: number;
  /** Width of the feed-forward layer. */
  intermediate: number;
  layers: number;
  heads: number;
  /** Key and value heads; fewer than `heads` where queries share them (grouped-query attention). */
  kvHeads: number;
  headDim: number;
  maxPositions: number;
  normEpsilon: number;
  /** Root-mean-square norm without bias, or layer norm with one. */
  norm: 'rms' | 'layer';
  /** Added to the stored gain of a root-mean-square norm: 1 in Gemma. */
  gainOffset: 0 | 1;
  /** True where attention and feed-forward layer read the same normed input and are added together. */
  isParallel: boolean;
  activation: Activation;
  positions: 'rotary' | 'learned';
  /** Leading dimensions of a head that rotary positions turn; the rest pass through. Even. */
  rotaryDims: number;
  ropeTheta: number;
  ropeScaling: RopeScaling;
  /** Base of the rotary positions in layers with a sliding window, where it is another; such layers are not scaled. */
  localRopeTheta: number | null;
  /** Which layers have rotary positions; null for all. */
  rotaryLayers: ReadonlyArray<boolean> | null;
  /** A query sees this many keys at most, its own included; null for all. */
  slidingWindow: number | null;
  /** Which layers have the window; null for all. */
  slidingLayers: ReadonlyArray<boolean> | null;
  /** Multiplies the attention scores. */
  attentionScale: number;
  /** Attention scores s become cap·tanh(s / cap). */
  attentionSoftcap: number | null;
  /** Logits likewise. */
  logitSoftcap: number | null;
  /** Multiplies the embeddings of tokens. */
  embeddingScale: number;
  /** Which products have a bias; layer norms always have one. */
  biases: { attentionInput: boolean; attentionOutput: boolean; feedForward: boolean; output: boolean };
  /** True where the output projection is the embedding table. */
  tieEmbeddings: boolean;
  /** True where a file holds the layers' matrices as [in, out] (GPT-2); in memory they are [out, in] always. */
  isTransposedInFile: boolean;
  modules: ModuleNames;
  /** The text of config.json that was read; it is saved again with another head, token ids and number format. Null if new. */
  source: string | null;
}

/** Whether rotary positions turn queries and keys of this layer. */
export const hasRotary = ({ positions, rotaryLayers }: ModelConfig, layer: number): boolean =>
  positions === 'rotary' && (rotaryLayers?.[layer] ?? true);

/** Keys that a query of this layer sees, or null for all. */
export const windowOf = ({ slidingWindow, slidingLayers }: ModelConfig, layer: number): number | null =>
  (slidingLayers?.[layer] ?? true) ? slidingWindow : null;

/** The full name of a layer's module. */
export const layerModule = ({ modules }: ModelConfig, layer: number, name: string): string =>
  `${modules.trunk}.${modules.layers}.${layer}.${name}`;

/** The full name of a module of the trunk outside the layers. */
export const trunkModule = ({ modules }: ModelConfig, name: string): string => `${modules.trunk}.${name}`;
