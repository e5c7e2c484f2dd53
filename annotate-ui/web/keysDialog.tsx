// What each key does.
import { Dialog } from './dialog.tsx';
import type { Strings } from './strings.ts';
import { useStrings } from './texts.ts';

const KEY_MAP: ReadonlyArray<{ keys: string[]; does: keyof Strings['keys'] }> = [
  { keys: ['1', '…', '5'], does: 'score' },
  { keys: ['A', '…', 'F'], does: 'focus' },
  { keys: ['↑', '↓', '←', '→'], does: 'move' },
  { keys: ['Shift', '+', 'A', '…', 'F'], does: 'best' },
  { keys: ['W'], does: 'bestActive' },
  { keys: ['T'], does: 'tie' },
  { keys: ['Enter'], does: 'submit' },
  { keys: ['U'], does: 'undo' },
  { keys: ['S'], does: 'skip' },
  { keys: ['?'], does: 'help' },
];

interface KeysDialogProps {
  hasLetterKeys: boolean;
  onLetterKeys(isOn: boolean): void;
  onClose(): void;
}

export function KeysDialog({ hasLetterKeys, onLetterKeys, onClose }: KeysDialogProps) {
  const strings = useStrings();
  return (
    <Dialog title={strings.keysTitle} onClose={onClose}>
      <dl class="keys">
        {KEY_MAP.map(({ keys, does }) => (
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
            onChange={(event) => onLetterKeys(event.currentTarget.checked)}
          />
          <span>{strings.letterKeys}</span>
        </label>
      </div>
    </Dialog>
  );
}
