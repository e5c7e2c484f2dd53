// A ranking in the making: replies in order, best first, each perhaps level with the one before. Pure.

export interface Ranked {
  candidateId: string;
  /** As good as the one before it in the ranking. */
  isTied: boolean;
}

export type Ranking = ReadonlyArray<Ranked>;

/** The first of a ranking has nothing before it to be level with. */
function settled(ranking: Ranking): Ranking {
  return ranking.map((ranked, i) => (i === 0 && ranked.isTied ? { ...ranked, isTied: false } : ranked));
}

export function rankOf(ranking: Ranking, candidateId: string): number | null {
  let rank = 0;
  for (const [i, ranked] of ranking.entries()) {
    if (!ranked.isTied) rank = i + 1;
    if (ranked.candidateId === candidateId) return rank;
  }
  return null;
}

export function isPlaced(ranking: Ranking, candidateId: string): boolean {
  return ranking.some((ranked) => ranked.candidateId === candidateId);
}

/** Puts a reply at `index`, from wherever it was; its ties are given up. */
export function placed(ranking: Ranking, candidateId: string, index: number): Ranking {
  const rest = removed(ranking, candidateId);
  const at = Math.min(Math.max(index, 0), rest.length);
  const after = rest[at];
  // What came after it was level with what stands before both now: a reply put between two level ones parts them.
  const tail = after === undefined ? [] : [{ ...after, isTied: false }, ...rest.slice(at + 1)];
  return settled([...rest.slice(0, at), { candidateId, isTied: false }, ...tail]);
}

/** Takes a reply out; those that were level with it stay level with one another. */
export function removed(ranking: Ranking, candidateId: string): Ranking {
  const at = ranking.findIndex((ranked) => ranked.candidateId === candidateId);
  if (at < 0) return ranking;
  const gone = ranking[at];
  return settled(
    ranking.flatMap((ranked, i) => {
      if (i === at) return [];
      return i === at + 1 && ranked.isTied ? [{ ...ranked, isTied: gone?.isTied ?? false }] : [ranked];
    }),
  );
}

/** Moves a placed reply one step; one that has no place yet gets the last. */
export function moved(ranking: Ranking, candidateId: string, step: -1 | 1): Ranking {
  const at = ranking.findIndex((ranked) => ranked.candidateId === candidateId);
  if (at < 0) return placed(ranking, candidateId, ranking.length);
  const to = at + step;
  return to < 0 || to >= ranking.length ? ranking : placed(ranking, candidateId, to);
}

/** Makes a reply level with the one before it, or no longer so. */
export function tieSwitched(ranking: Ranking, candidateId: string): Ranking {
  return settled(
    ranking.map((ranked) => (ranked.candidateId === candidateId ? { ...ranked, isTied: !ranked.isTied } : ranked)),
  );
}

/** Ids in groups of equals, best group first. */
export function groupsOf(ranking: Ranking): string[][] {
  const groups: string[][] = [];
  for (const { candidateId, isTied } of ranking) {
    const last = groups.at(-1);
    if (isTied && last !== undefined) last.push(candidateId);
    else groups.push([candidateId]);
  }
  return groups;
}

export function rankingOf(groups: ReadonlyArray<ReadonlyArray<string>>): Ranking {
  return groups.flatMap((group) => group.map((candidateId, i) => ({ candidateId, isTied: i > 0 })));
}
