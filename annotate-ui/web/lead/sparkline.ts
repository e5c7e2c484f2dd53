// A course of numbers as a line of a few pixels. Pure.

export const SPARK_WIDTH = 84;
export const SPARK_HEIGHT = 22;
const MARGIN = 2;

/** The path of a course; gaps are where nothing was measured. Null with fewer than two numbers. */
export function sparkPath(values: ReadonlyArray<number | null>): string | null {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const height = SPARK_HEIGHT - 2 * MARGIN;
  let isDrawing = false;
  return values
    .map((value, i) => {
      if (value === null) {
        isDrawing = false;
        return '';
      }
      const x = MARGIN + (i * (SPARK_WIDTH - 2 * MARGIN)) / (values.length - 1);
      // A course that never changes runs through the middle.
      const y = high === low ? SPARK_HEIGHT / 2 : MARGIN + height * (1 - (value - low) / (high - low));
      const command = isDrawing ? 'L' : 'M';
      isDrawing = true;
      return `${command}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

/** First and last number of a course, or null where there is none. */
export function endsOf(values: ReadonlyArray<number | null>): { first: number; last: number } | null {
  const known = values.filter((value) => value !== null);
  const [first] = known;
  const last = known.at(-1);
  return first === undefined || last === undefined ? null : { first, last };
}
