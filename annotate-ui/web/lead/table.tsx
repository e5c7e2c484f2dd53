// A table of texts that scrolls by itself where it is wider than the screen.
import type { ComponentChildren } from 'preact';

interface TableProps {
  name: string;
  head: string[];
  /** The first of each row names it. */
  rows: ComponentChildren[][];
}

export function Table({ name, head, rows }: TableProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: no fieldset, since it holds no fields
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by itself, so the keyboard must reach it
    <div class="scroll-x" role="group" tabIndex={0} aria-label={name}>
      <table class="figures">
        <thead>
          <tr>
            {head.map((text) => (
              <th key={text} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...others], i) => (
            <tr key={i}>
              <th scope="row">{first}</th>
              {others.map((cell, j) => (
                <td key={j}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
