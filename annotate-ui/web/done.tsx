// Nothing is left for this annotator.
import type { OwnProgress } from '../../src/core/annotationApi.ts';
import { useStrings } from './texts.ts';

interface DoneProps {
  progress: OwnProgress;
  /** Judgements that the server has not confirmed yet. */
  pending: number;
  onBack: (() => void) | null;
}

export function Done({ progress, pending, onBack }: DoneProps) {
  const strings = useStrings();
  return (
    <main class="done">
      <h1>{strings.doneTitle}</h1>
      {pending > 0 ? (
        <p role="status">{strings.doneSending}</p>
      ) : (
        <p>{strings.doneText(progress.done - progress.skipped, progress.skipped)}</p>
      )}
      {onBack !== null && (
        <button type="button" onClick={onBack}>
          {strings.back}{' '}
          <span class="key" aria-hidden="true">
            U
          </span>
        </button>
      )}
    </main>
  );
}
