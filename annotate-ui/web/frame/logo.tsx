// Four squares, the last one warm.
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <rect x="1" y="1" width="6" height="6" rx="1.5" />
      <rect x="9" y="1" width="6" height="6" rx="1.5" opacity=".75" />
      <rect x="1" y="9" width="6" height="6" rx="1.5" opacity=".5" />
      <rect class="warm" x="9" y="9" width="6" height="6" rx="1.5" />
    </svg>
  );
}
