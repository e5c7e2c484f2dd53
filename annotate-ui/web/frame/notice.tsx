// A page that only says something, and perhaps offers one thing to do.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface NoticeProps {
  title?: string;
  text: string;
  /** For a moment of waiting: not a heading, no focus. */
  isQuiet?: boolean;
  children?: ComponentChildren;
}

export function Notice({ title, text, isQuiet = false, children }: NoticeProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus(), [title]);
  if (isQuiet) {
    return (
      <main class="notice">
        <p class="muted" role="status">
          {text}
        </p>
      </main>
    );
  }
  return (
    <main class="notice">
      {title !== undefined && (
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
      )}
      <p role="status">{text}</p>
      {children}
    </main>
  );
}
