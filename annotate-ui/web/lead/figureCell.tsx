// A figure with its interval below.
import type { Interval } from '../../../src/core/annotation/lead.ts';
import { useFormats } from './leadTexts.ts';

export function FigureCell({ figure }: { figure: Interval | null | undefined }) {
  const { value, range } = useFormats().interval(figure);
  return (
    <span class="figure-cell">
      {value}
      {range !== '' && <small>{range}</small>}
    </span>
  );
}
