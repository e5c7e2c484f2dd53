// Why an item is skipped: a reason of a short list, and a note.
import { useState } from 'preact/hooks';
import { Dialog } from '../frame/dialog.tsx';
import type { Strings } from '../frame/strings.ts';
import { useStrings } from '../frame/texts.ts';

type Reason = keyof Strings['skipReasons'];
const REASONS: Reason[] = ['cannot-judge', 'prompt-unclear', 'replies-broken', 'too-harmful'];
const NOTE_MAX_CHARS = 400;

interface SkipDialogProps {
  /** @param reason 'cannot-judge', or 'cannot-judge: the note' */
  onSkip(reason: string): void;
  onClose(): void;
}

export function SkipDialog({ onSkip, onClose }: SkipDialogProps) {
  const strings = useStrings();
  const [reason, setReason] = useState<Reason>('cannot-judge');
  const [note, setNote] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    onSkip(note.trim() === '' ? reason : `${reason}: ${note.trim()}`);
  };
  // In this dialog a digit picks a reason, except while a note is typed.
  const onKeyDown = (event: KeyboardEvent) => {
    const isTyping = event.target instanceof HTMLInputElement && event.target.type === 'text';
    const picked = isTyping ? undefined : REASONS[Number(event.key) - 1];
    if (picked === undefined) return;
    event.preventDefault();
    setReason(picked);
  };
  return (
    <Dialog title={strings.skipTitle} onClose={onClose}>
      <form class="skip" onSubmit={submit} onKeyDown={onKeyDown}>
        <fieldset>
          <legend class="sr-only">{strings.skipTitle}</legend>
          {REASONS.map((code, i) => (
            <label key={code} class="option">
              <input type="radio" name="reason" checked={reason === code} onChange={() => setReason(code)} />
              <span class="key" aria-hidden="true">
                {i + 1}
              </span>
              <span>{strings.skipReasons[code]}</span>
            </label>
          ))}
        </fieldset>
        <label class="note">
          {strings.skipNote}
          <input
            type="text"
            maxLength={NOTE_MAX_CHARS}
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
          />
        </label>
        <div class="row end">
          <button type="button" onClick={onClose}>
            {strings.cancel}
          </button>
          <button type="submit" class="primary">
            {strings.skip}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
