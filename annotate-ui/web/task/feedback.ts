// The parts of a practice answer that were checked, the annotator's beside the expected. Pure.
import { groupsOf } from './ranking.ts';
import type { Told } from './workDesk.ts';

export type CheckedPart =
  /** Ids of replies, null for a tie. */
  | { kind: 'best'; given: string | null; expected: string | null }
  | { kind: 'score'; candidateId: string; criterionId: string; given: number; expected: number };

export function checkedParts({ draft, feedback }: Pick<Told, 'draft' | 'feedback'>): CheckedPart[] {
  const { best, ratings } = feedback.expected;
  const parts: CheckedPart[] = [];
  if (best !== undefined) parts.push({ kind: 'best', given: bestIn(draft), expected: best });
  for (const [candidateId, scores] of Object.entries(ratings ?? {})) {
    for (const [criterionId, expected] of Object.entries(scores)) {
      const given = draft.ratings[candidateId]?.[criterionId];
      if (given !== undefined)
        parts.push({ kind: 'score', candidateId, criterionId, given, expected: expected ?? given });
    }
  }
  return parts;
}

function bestIn({ verdict, ranking }: Told['draft']): string | null {
  const [top] = groupsOf(ranking);
  if (top !== undefined) return top.length === 1 ? (top[0] ?? null) : null;
  return verdict?.kind === 'best' ? verdict.candidateId : null;
}
