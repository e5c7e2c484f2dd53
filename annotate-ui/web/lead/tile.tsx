// One figure with its name and what puts it in proportion.
import type { ComponentChildren } from 'preact';

interface TileProps {
  name: string;
  value: string;
  children?: ComponentChildren;
}

export function Tile({ name, value, children }: TileProps) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <span class="value">{value}</span>
        <span class="beside">{children}</span>
      </dd>
    </div>
  );
}
