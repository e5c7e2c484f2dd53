// The model that a trainer changes: a whole one, or an adapter on a frozen base, new or the one that the model has.
import { FourfoldError } from '../../core/errors.ts';
import type { Quantization } from '../../core/quantization.ts';
import { adaptedModel, owning } from '../adapted.ts';
import type { Model, ModelHead } from '../loadedModel.ts';
import { type Bases, headOf, loadBase, loadModel, scalarModelFrom, zeroHead } from '../model.ts';
import { copyParameters, type Parameters, SCORE_HEAD } from '../parameters.ts';
import { type Adapter, type AdapterSettings, newAdapter } from './adapter.ts';
import { baseFolderOf, isAdapterFolder, readAdapter } from './peftFolder.ts';
import { ALL_LINEAR, resolveTargets } from './targets.ts';

/** What was asked of an adapter; null for what was left open. */
export interface LoraRequest {
  rank: number;
  alpha: number | null;
  targets: ReadonlyArray<string> | null;
  dropout: number;
  usesRslora: boolean | null;
}

export interface TrainableOptions {
  head: ModelHead;
  /** Null to train the whole model; a model that is an adapter's goes on with its adapter then. */
  lora: LoraRequest | null;
  /** Of the adapter's first weights. */
  seed: number;
  /** Where frozen weights come from that other models share, held as it holds them. */
  bases?: Bases | undefined;
  /** How the frozen weights are held. */
  quantization?: Quantization | null;
}

/** An adapter that is trained on keeps its shape and scale. @throws bad-option where other ones were asked for. */
function checkContinued(dir: string, { settings }: Adapter, lora: LoraRequest): void {
  const wrong = (option: string, asked: unknown, has: unknown) =>
    new FourfoldError(
      'bad-option',
      `--lora-${option}: expected ${JSON.stringify(has)}, which the adapter of ${dir} has, got ${JSON.stringify(asked)}. ` +
        'Leave it out to train that adapter on, or merge it first: fourfold models merge.',
    );
  if (lora.rank !== settings.rank) throw wrong('rank', lora.rank, settings.rank);
  if (lora.alpha !== null && lora.alpha !== settings.alpha) throw wrong('alpha', lora.alpha, settings.alpha);
  if (lora.usesRslora !== null && lora.usesRslora !== settings.usesRslora)
    throw wrong('rslora', lora.usesRslora, settings.usesRslora);
  if (lora.targets !== null) throw wrong('targets', lora.targets, settings.targets);
}

/** The score head that is trained with the adapter: a copy of the base's, or zeros. */
function ownHead(base: Model, head: ModelHead): Parameters {
  if (head !== 'scalar') return new Map();
  const found = base.parameters.get(SCORE_HEAD);
  return found === undefined ? zeroHead(base.config) : copyParameters(new Map([[SCORE_HEAD, found]]));
}

function newSettings(base: Model, lora: LoraRequest): { settings: AdapterSettings; modules: string[] } {
  const { modules, targets } = resolveTargets(base.config, lora.targets ?? [ALL_LINEAR]);
  const alpha = lora.alpha ?? 2 * lora.rank;
  return {
    modules,
    settings: { rank: lora.rank, alpha, usesRslora: lora.usesRslora ?? false, dropout: lora.dropout, targets },
  };
}

/** The adapter and head that a folder goes on with, or new ones. */
async function adaptationOf(dir: string, base: Model, { head, lora, seed }: TrainableOptions) {
  if (isAdapterFolder(dir)) {
    const { adapter, score } = await readAdapter(dir, base.config);
    if (lora !== null) checkContinued(dir, adapter, lora);
    const settings = { ...adapter.settings, dropout: lora?.dropout ?? adapter.settings.dropout };
    const ownScore = head === 'scalar' && score.size === 0 ? ownHead(base, head) : score;
    return { adapter: { ...adapter, settings }, score: ownScore };
  }
  if (lora === null) throw new FourfoldError('internal', 'Expected the settings of an adapter, got none.');
  const { settings, modules } = newSettings(base, lora);
  return { adapter: newAdapter(base.config, modules, settings, seed), score: ownHead(base, head) };
}

/** @throws as loadModel and resolveTargets; bad-option where the adapter that is there has another shape. */
export async function loadTrainable(dir: string, options: TrainableOptions): Promise<Model> {
  const { head, lora, bases, quantization = null } = options;
  const isAdapter = isAdapterFolder(dir);
  if (lora === null && !isAdapter && quantization !== null) {
    throw new FourfoldError(
      'bad-option',
      `--quantize: expected an adapter to train on the frozen weights of ${dir}, got none. Add --lora-rank.`,
    );
  }
  if (lora === null && !isAdapter) return head === 'scalar' ? scalarModelFrom(dir) : loadModel(dir, head);
  // A language model may become a reward model, never the other way round: loadModel says so.
  if (head === 'causal-lm' && (await headOf(dir)) === 'scalar') return loadModel(dir, head);
  const baseDir = isAdapter ? await baseFolderOf(dir) : dir;
  const base = bases === undefined ? await loadBase(baseDir, head, quantization) : await bases.of(baseDir, head);
  try {
    const view = adaptedModel(base, { head, baseDir, ...(await adaptationOf(dir, base, options)) });
    return bases === undefined ? owning(view, base) : view;
  } catch (error) {
    if (bases === undefined) base.dispose();
    throw error;
  }
}
