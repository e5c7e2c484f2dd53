// Labels of items by raters, as a table with holes; and the tables' items gathered by pattern, for quick resampling.
import type { Value } from './agreement.ts';

export interface RatingTable {
  items: ReadonlyArray<string>;
  raters: ReadonlyArray<string>;
  /** [items][raters], null where the rater gave no label */
  values: ReadonlyArray<ReadonlyArray<Value | null>>;
}

/** One label that one rater gave one item. */
export interface Rating {
  item: string;
  rater: string;
  value: Value | null;
}

/** The table of single ratings, items and raters in the order of their first rating; the last of several counts. */
export function ratingTableOf(ratings: Iterable<Rating>): RatingTable {
  const items = new Map<string, Map<string, Value | null>>();
  const raters = new Set<string>();
  for (const { item, rater, value } of ratings) {
    const row = items.get(item) ?? new Map<string, Value | null>();
    items.set(item, row.set(rater, value));
    raters.add(rater);
  }
  return {
    items: [...items.keys()],
    raters: [...raters],
    values: [...items.values()].map((row) => [...raters].map((rater) => row.get(rater) ?? null)),
  };
}

export interface Patterns<T> {
  /** The distinct patterns. */
  patterns: T[];
  /** The number of each unit's pattern. */
  patternOf: Int32Array;
}

/** Gathers units whose key is the same. */
export function patternsOf<T>(units: ReadonlyArray<T>, keyOf: (unit: T) => string): Patterns<T> {
  const numbers = new Map<string, number>();
  const patterns: T[] = [];
  const patternOf = Int32Array.from(units, (unit) => {
    const key = keyOf(unit);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, patterns.length);
    return patterns.push(unit) - 1;
  });
  return { patterns, patternOf };
}
