// A sparkline with its words.
import { useLeadStrings } from './leadTexts.ts';
import { endsOf, SPARK_HEIGHT, SPARK_WIDTH, sparkPath } from './sparkline.ts';

interface SparkProps {
  name: string;
  values: ReadonlyArray<number | null>;
  show(value: number): string;
}

export function Spark({ name, values, show }: SparkProps) {
  const strings = useLeadStrings();
  const path = sparkPath(values);
  const ends = endsOf(values);
  if (path === null || ends === null) return null;
  const text = strings.sparkline(name, show(ends.first), show(ends.last));
  return (
    <span class="spark" title={text}>
      <svg width={SPARK_WIDTH} height={SPARK_HEIGHT} role="img" aria-label={text}>
        <path d={path} />
      </svg>
      <small aria-hidden="true">{name}</small>
    </span>
  );
}
