// A text with its Markdown shown, safely.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { type MarkdownOptions, markupOf, sanitized } from './markdown.ts';

interface RichTextProps {
  text: string;
  links?: MarkdownOptions['links'];
  topHeading?: MarkdownOptions['topHeading'];
  class?: string;
}

export function RichText({ text, links = 'inert', topHeading = 3, class: extra = '' }: RichTextProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    element.current?.replaceChildren(sanitized(markupOf(text, { links, topHeading })));
  }, [text, links, topHeading]);
  return <div ref={element} class={`text rich ${extra}`} />;
}
