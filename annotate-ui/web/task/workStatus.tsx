// What the bar shows while labeling: how far, whether all is saved, and the ways to guidelines and keys.
import { useStrings } from '../frame/texts.ts';
import type { OutboxState } from '../net/outbox.ts';

interface WorkStatusProps {
  /** How far, in words. */
  label: string;
  done: number;
  total: number;
  outbox: { state: OutboxState; pending: number };
  /** Null where the project has none. */
  onGuidelines: (() => void) | null;
  onKeys(): void;
}

export function WorkStatus({ label, done, total, outbox, onGuidelines, onKeys }: WorkStatusProps) {
  const strings = useStrings();
  const isUnsent = outbox.state === 'waiting' && outbox.pending > 0;
  const status = isUnsent ? strings.unsent(outbox.pending) : outbox.pending > 0 ? strings.saving : strings.saved;
  return (
    <>
      <span class="progress">
        <progress value={done} max={Math.max(total, 1)} aria-label={label} />
        <span aria-hidden="true">{label}</span>
      </span>
      <span class={isUnsent ? 'status unsent' : 'status'} role="status">
        {status}
      </span>
      <span class="tools">
        {onGuidelines !== null && (
          <button type="button" class="quiet" onClick={onGuidelines}>
            {strings.guidelines}{' '}
            <span class="key" aria-hidden="true">
              G
            </span>
          </button>
        )}
        <button type="button" class="quiet show-keys" onClick={onKeys}>
          {strings.shortcuts}{' '}
          <span class="key" aria-hidden="true">
            ?
          </span>
        </button>
      </span>
    </>
  );
}
