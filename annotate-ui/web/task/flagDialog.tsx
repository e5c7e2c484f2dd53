// What is wrong with a reply: a short list, by digit or mouse.
import type { Flag } from '../../../src/core/records.ts';
import { Dialog } from '../frame/dialog.tsx';
import { useStrings } from '../frame/texts.ts';

const FLAGS: Flag[] = ['harmful', 'nonsense', 'private'];

interface FlagDialogProps {
  candidateKey: string;
  flags: ReadonlyArray<Flag>;
  onFlag(flag: Flag): void;
  onClose(): void;
}

export function FlagDialog({ candidateKey, flags, onFlag, onClose }: FlagDialogProps) {
  const strings = useStrings();
  const onKeyDown = (event: KeyboardEvent) => {
    const flag = FLAGS[Number(event.key) - 1];
    if (flag === undefined) return;
    event.preventDefault();
    onFlag(flag);
  };
  return (
    <Dialog title={strings.flagTitle(candidateKey)} onClose={onClose}>
      <form
        class="flags"
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
        }}
      >
        {FLAGS.map((flag, i) => (
          <label key={flag} class="option">
            <input type="checkbox" checked={flags.includes(flag)} onChange={() => onFlag(flag)} />
            <span class="key" aria-hidden="true">
              {i + 1}
            </span>
            <span>{strings.flags[flag]}</span>
          </label>
        ))}
        <div class="row end">
          <button type="submit" class="primary">
            {strings.close}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
