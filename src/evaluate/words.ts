// Numbers and findings in words, for captions, labels and tables.
import type { Interval } from './interval.ts';
import type { Point } from './reportData.ts';

const MINUS = '\u2212';

/** A number with as many decimals as its size deserves: 1234, 12.3, 1.23, 0.0012. */
export function formatNumber(value: number, decimals?: number): string {
  const size = Math.abs(value);
  const places = decimals ?? (size >= 1000 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : size >= 0.01 ? 3 : 4);
  const text = size > 0 && size < 0.0001 && decimals === undefined ? value.toExponential(1) : value.toFixed(places);
  // A number that rounds to nothing has no sign.
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace('-', MINUS);
}

/** A number for an axis: without the zeros at its end. */
export function axisNumber(value: number): string {
  const text = formatNumber(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A number with its sign, for differences and biases. */
export function formatSigned(value: number, decimals = 2): string {
  const text = formatNumber(value, decimals);
  return value > 0 && !/^0(\.0*)?$/.test(text) ? `+${text}` : text;
}

export function formatPercent(share: number): string {
  return `${formatNumber(share * 100, share > 0 && share < 0.01 ? 1 : 0)} %`;
}

/** '0.71 (0.63 to 0.78)' */
export function formatInterval({ value, low, high }: Interval, decimals = 2): string {
  return `${formatNumber(value, decimals)} (${formatNumber(low, decimals)} to ${formatNumber(high, decimals)})`;
}

/** '4 min 12 s' */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Means of the first and of the last tenth of a curve (one point at least), which noise at the ends sways less. */
export function endsOf(points: ReadonlyArray<Point>): { first: number; last: number } | null {
  if (points.length === 0) return null;
  const count = Math.max(1, Math.floor(points.length / 10));
  const mean = (part: ReadonlyArray<Point>) => part.reduce((sum, [, y]) => sum + y, 0) / part.length;
  return { first: mean(points.slice(0, count)), last: mean(points.slice(-count)) };
}

/** 'Reward rises from 0.12 to 0.83 over 60 iterations.' */
export function describeCurve(quantity: string, points: ReadonlyArray<Point>, unit: string): string {
  const ends = endsOf(points);
  const last = points.at(-1);
  if (ends === null || last === undefined) return `${quantity}: nothing was recorded.`;
  const [from, to] = [formatNumber(ends.first), formatNumber(ends.last)];
  if (points.length === 1) return `${quantity} is ${to}.`;
  if (from === to) return `${quantity} stays at ${to} over ${last[0]} ${unit}.`;
  const verb = ends.last > ends.first ? 'rises' : 'falls';
  return `${quantity} ${verb} from ${from} to ${to} over ${last[0]} ${unit}.`;
}
