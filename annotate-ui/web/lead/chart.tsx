// A chart, and the same figures as a table beside it for whoever cannot or would not see a chart.
import type { EChartsCoreOption } from 'echarts/core';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { usePreferences } from '../frame/preferences.ts';
import { type ChartColors, colorsOf } from './chartColors.ts';
import { useLeadStrings } from './leadTexts.ts';
import { Table } from './table.tsx';

interface ChartProps {
  name: string;
  /** In pixels. */
  height: number;
  option(colors: ChartColors): EChartsCoreOption;
  head: string[];
  rows: string[][];
}

/** Counts up when the system turns from light to dark or back. */
function useSystemTheme(): number {
  const [count, setCount] = useState(0);
  useLayoutEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = () => setCount((now) => now + 1);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  return count;
}

export function Chart({ name, height, option, head, rows }: ChartProps) {
  const strings = useLeadStrings();
  const { theme, language } = usePreferences();
  const systemTheme = useSystemTheme();
  const place = useRef<HTMLDivElement>(null);
  const key = JSON.stringify([rows, theme, language, systemTheme]);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    let isGone = false;
    let close = () => {};
    void import('./echarts.ts').then(({ draw }) => {
      if (!isGone) close = draw(element, option(colorsOf(element)));
    });
    return () => {
      isGone = true;
      close();
    };
  }, [key]);
  return (
    <figure class="chart">
      <div ref={place} class="canvas" style={{ height: `${height}px` }} role="img" aria-label={name} />
      <details>
        <summary>{strings.asTable}</summary>
        <Table name={name} head={head} rows={rows} />
      </details>
    </figure>
  );
}
