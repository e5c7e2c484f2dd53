// What each key does.
import type { Task } from '../../../src/core/annotationApi.ts';
import { Dialog } from '../frame/dialog.tsx';
import { usePreferences } from '../frame/preferences.ts';
import { useStrings } from '../frame/texts.ts';
import { keyMapOf } from './keyMap.ts';

interface KeysDialogProps {
  task: Task | null;
  onClose(): void;
}

export function KeysDialog({ task, onClose }: KeysDialogProps) {
  const strings = useStrings();
  const { hasLetterKeys, setLetterKeys } = usePreferences();
  return (
    <Dialog title={strings.keysTitle} onClose={onClose}>
      <dl class="keys">
        {keyMapOf(task).map(({ keys, does }) => (
          <div key={does}>
            <dt>{keys.map((key) => (key === '…' || key === '+' ? ` ${key} ` : <kbd key={key}>{key}</kbd>))}</dt>
            <dd>{strings.keys[does]}</dd>
          </div>
        ))}
      </dl>
      {/* The button comes first, so that the dialog opens with it in focus and Enter closes it. */}
      <div class="row reverse">
        <button type="button" class="primary" onClick={onClose}>
          {strings.close}
        </button>
        <label class="option">
          <input
            type="checkbox"
            checked={hasLetterKeys}
            onChange={(event) => setLetterKeys(event.currentTarget.checked)}
          />
          <span>{strings.letterKeys}</span>
        </label>
      </div>
    </Dialog>
  );
}
