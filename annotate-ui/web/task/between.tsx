// What is on the screen where no item is: waiting, the practice round's words, done, paused.
import { Notice } from '../frame/notice.tsx';
import { useStrings } from '../frame/texts.ts';
import { Done } from './done.tsx';
import { FeedbackView } from './feedbackView.tsx';
import type { WorkState } from './workDesk.ts';

interface BetweenProps {
  state: WorkState;
  /** A practice round is about to begin. */
  isBeginning: boolean;
  onBegin(): void;
  onGoOn(): void;
  onBack(): void;
}

const percent = (share: number | null) => Math.round((share ?? 0) * 100);

export function Between({ state, isBeginning, onBegin, onGoOn, onBack }: BetweenProps) {
  const strings = useStrings();
  const { phase, standing, told, progress, outbox, last } = state;
  const { qualification, paused } = standing;
  const begin = (
    <button type="button" class="primary" onClick={onBegin}>
      {strings.begin}{' '}
      <span class="key" aria-hidden="true">
        ↵
      </span>
    </button>
  );
  if (isBeginning && qualification !== null) {
    const { items, passMark, attempts, attempt, score } = qualification;
    if (attempt > 1 && score !== null) {
      return (
        <Notice title={strings.againTitle} text={strings.againText(percent(score), percent(passMark))}>
          {begin}
        </Notice>
      );
    }
    return (
      <Notice title={strings.qualificationTitle} text={strings.qualificationText(items, percent(passMark), attempts)}>
        {begin}
      </Notice>
    );
  }
  switch (phase) {
    case 'told':
      return told === null ? null : <FeedbackView told={told} standing={standing} onGoOn={onGoOn} />;
    case 'offline':
      return <Notice text={strings.waiting} />;
    case 'done':
      return <Done progress={progress} pending={outbox.pending} onBack={last === null ? null : onBack} />;
    case 'wait':
      return <Notice title={strings.waitTitle} text={strings.waitText} />;
    case 'paused':
      return <Notice title={strings.pausedTitle} text={strings.paused[paused?.reason ?? 'lead']} />;
    case 'not-qualified':
      return (
        <Notice
          title={strings.failedTitle}
          text={strings.failedText(percent(qualification?.score ?? 0), percent(qualification?.passMark ?? 0))}
        />
      );
    case 'checking':
      return <Notice text={outbox.state === 'waiting' ? strings.unsent(outbox.pending) : strings.saving} isQuiet />;
    case 'loading':
    case 'task':
      return <Notice text={strings.loading} isQuiet />;
    default:
      return phase satisfies never;
  }
}
