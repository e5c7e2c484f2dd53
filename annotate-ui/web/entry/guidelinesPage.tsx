// The guidelines before the work: read once, and again when they change.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ProjectReply } from '../../../src/core/annotationApi.ts';
import { useStrings } from '../frame/texts.ts';
import { RichText } from '../text/richText.tsx';

interface GuidelinesPageProps {
  project: ProjectReply;
  onRead(): Promise<void>;
}

export function GuidelinesPage({ project, onRead }: GuidelinesPageProps) {
  const strings = useStrings();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus(), []);
  const confirm = () => {
    setBusy(true);
    setProblem(null);
    onRead().catch((error: Error) => {
      setBusy(false);
      setProblem(error.message);
    });
  };
  return (
    <main class="reading">
      <p class="eyebrow">{project.title}</p>
      <h1 ref={heading} tabIndex={-1}>
        {strings.guidelinesTitle}
      </h1>
      <RichText text={project.guidelines} links="live" topHeading={2} />
      <p class="muted">{strings.guidelinesHint}</p>
      <p role="alert" class="problem">
        {problem === null ? '' : strings.failed(problem)}
      </p>
      <button type="button" class="primary" disabled={isBusy} onClick={confirm}>
        {strings.guidelinesDone}
      </button>
    </main>
  );
}
