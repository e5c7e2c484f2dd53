// Nothing is left for this annotator.
import type { OwnProgress } from '../../../src/core/annotationApi.ts';
import { Notice } from '../frame/notice.tsx';
import { useStrings } from '../frame/texts.ts';

interface DoneProps {
  progress: OwnProgress;
  /** Judgements that the server has not confirmed yet. */
  pending: number;
  onBack: (() => void) | null;
}

export function Done({ progress, pending, onBack }: DoneProps) {
  const strings = useStrings();
  const text = pending > 0 ? strings.doneSending : strings.doneText(progress.done - progress.skipped, progress.skipped);
  return (
    <Notice title={strings.doneTitle} text={text}>
      {onBack !== null && (
        <button type="button" onClick={onBack}>
          {strings.back}{' '}
          <span class="key" aria-hidden="true">
            U
          </span>
        </button>
      )}
    </Notice>
  );
}
