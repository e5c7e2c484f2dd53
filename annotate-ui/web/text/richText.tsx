// A text with its Markdown shown, safely.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { type Links, markupOf, sanitized } from './markdown.ts';

interface RichTextProps {
  text: string;
  links?: Links;
  class?: string;
}

export function RichText({ text, links = 'inert', class: extra = '' }: RichTextProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    element.current?.replaceChildren(sanitized(markupOf(text, links)));
  }, [text, links]);
  return <div ref={element} class={`text rich ${extra}`} />;
}
