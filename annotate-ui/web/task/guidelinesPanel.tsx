// The guidelines beside the task: they stay open while one works, and leave by the key that brought them.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ProjectReply } from '../../../src/core/annotationApi.ts';
import { useStrings } from '../frame/texts.ts';
import { RichText } from '../text/richText.tsx';

interface GuidelinesPanelProps {
  project: ProjectReply;
  onClose(): void;
}

export function GuidelinesPanel({ project, onClose }: GuidelinesPanelProps) {
  const strings = useStrings();
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    heading.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <aside
      class="guidelines"
      aria-labelledby="guidelines-heading"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <div class="row">
        <h2 id="guidelines-heading" ref={heading} tabIndex={-1}>
          {strings.guidelines}
        </h2>
        <button type="button" class="quiet" onClick={onClose}>
          {strings.close}{' '}
          <span class="key" aria-hidden="true">
            G
          </span>
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by itself, so the keyboard must reach it */}
      <section class="scroll" tabIndex={0} aria-label={strings.guidelines}>
        <RichText text={project.guidelines} links="live" />
      </section>
    </aside>
  );
}
