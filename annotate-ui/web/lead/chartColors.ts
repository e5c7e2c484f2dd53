// The page's colours in the theme that is shown, for charts, which cannot read CSS variables.

export interface ChartColors {
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
  warm: string;
}

export function colorsOf(element: HTMLElement): ChartColors {
  const probe = document.createElement('span');
  element.append(probe);
  const color = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colors = {
    text: color('text'),
    muted: color('muted'),
    line: color('line'),
    surface: color('surface'),
    accent: color('accent'),
    warm: color('warm'),
  };
  probe.remove();
  return colors;
}

/** What every chart has in common. */
export function commonOption({ text, surface, line }: ChartColors) {
  return {
    textStyle: { color: text, fontFamily: 'system-ui, sans-serif' },
    tooltip: {
      // As drawn text: markup is not let through by the page's security policy.
      renderMode: 'richText',
      backgroundColor: surface,
      borderColor: line,
      textStyle: { color: text },
    },
  };
}
