// The shape of a sound: loudest sample of each slice, and the outline that is drawn of it.

/**
 * @param samples [time], each from -1 to 1
 * @param count slices to make
 * @returns [count], each from 0 to 1, the loudest slice at 1; all 0 for silence
 */
export function peaksOf(samples: Float32Array, count: number): number[] {
  const peaks: number[] = [];
  for (let slice = 0; slice < count; slice++) {
    const from = Math.floor((slice * samples.length) / count);
    const to = Math.max(from + 1, Math.floor(((slice + 1) * samples.length) / count));
    let peak = 0;
    for (let i = from; i < to && i < samples.length; i++) peak = Math.max(peak, Math.abs(samples[i] ?? 0));
    peaks.push(peak);
  }
  const loudest = Math.max(...peaks, 0);
  return loudest === 0 ? peaks : peaks.map((peak) => peak / loudest);
}

/** Height of the drawing; a silent slice still shows a thin line. */
export const OUTLINE_HEIGHT = 40;
const THINNEST = 1;

/** The path of bars around the middle line, one unit wide each with a gap of a third. */
export function outlineOf(peaks: ReadonlyArray<number>): string {
  return peaks
    .map((peak, i) => {
      const height = Math.max(THINNEST, peak * (OUTLINE_HEIGHT - 2));
      return `M${i + 0.17} ${((OUTLINE_HEIGHT - height) / 2).toFixed(1)}h.66v${height.toFixed(1)}h-.66z`;
    })
    .join('');
}

/** 83.4 seconds as "1:23". */
export function clockTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.floor(seconds) : 0;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;

/** The next speed in a direction; the ends hold. */
export function nextSpeed(speed: number, direction: 'slower' | 'faster'): number {
  const at = SPEEDS.findIndex((known) => known >= speed);
  const next = (at < 0 ? SPEEDS.length - 1 : at) + (direction === 'faster' ? 1 : -1);
  return SPEEDS[Math.min(Math.max(next, 0), SPEEDS.length - 1)] ?? 1;
}
