// From stored evaluations to the sections of a report that they fill.
import type { Evaluation } from './evaluation.ts';
import type { ReplyStatistics } from './replyStatistics.ts';
import type { Comparison, HistoryPoint, ModelRole, RadarSection, ReplyRow } from './reportData.ts';

/** The colour and mark of a model, by its id. */
export type RoleOf = (model: string) => ModelRole;

/** The comparison with the reference, or null where there is none. */
export function comparisonOf({ model, reference, winRate, prompts }: Evaluation): Comparison | null {
  const judges = Object.entries(winRate).map(([judge, rate]) => ({ judge, winRate: rate, prompts }));
  return reference === null || judges.length === 0 ? null : { a: model, b: reference, judges };
}

/** One radar of several evaluations by the same judge on the same dimensions; null where there is nothing to draw. */
export function radarOf(evaluations: ReadonlyArray<Evaluation>, roleOf: RoleOf): RadarSection | null {
  const [first] = evaluations.flatMap(({ radar }) => (radar === null ? [] : [radar]));
  if (first === undefined) return null;
  const dimensions = Object.keys(first.dimensions);
  if (dimensions.length < 3) return null;
  const models = evaluations.flatMap(({ model, radar }) => {
    if (radar === null || radar.judge !== first.judge) return [];
    const values = dimensions.flatMap((dimension) => radar.dimensions[dimension] ?? []);
    return values.length === dimensions.length ? [{ name: model, role: roleOf(model), values }] : [];
  });
  return { judge: first.judge, dimensions, models };
}

/** A row for each evaluated model, and one for each reference that was not evaluated by itself. */
export function replyRowsOf(evaluations: ReadonlyArray<Evaluation>, roleOf: RoleOf): ReplyRow[] {
  const rows = new Map<string, ReplyRow>();
  const rowOf = (name: string, { words, tokens, stopShare, repetition, distinct2 }: ReplyStatistics): ReplyRow => ({
    name,
    role: roleOf(name),
    words,
    tokens,
    stopShare,
    repetition,
    distinct2,
  });
  for (const { reference, referenceReplies } of evaluations) {
    if (reference !== null && referenceReplies !== null) rows.set(reference, rowOf(reference, referenceReplies));
  }
  for (const { model, reference, replies, reward, kl } of evaluations) {
    rows.set(model, {
      ...rowOf(model, replies),
      ...(reward === null ? {} : { reward }),
      ...(kl === null ? {} : { kl: kl.value, ...(reference === null ? {} : { klReference: reference }) }),
    });
  }
  return [...rows.values()];
}

/** The course of the reward over all evaluations that have one. */
export function historyOf(history: ReadonlyArray<{ id: string; evaluation: Evaluation }>): HistoryPoint[] {
  return history.flatMap(({ id, evaluation: { model, createdAt, reward } }) =>
    reward === null ? [] : [{ evaluation: id, model, createdAt, reward }],
  );
}
