// The bar at the foot of the screen: which reply is best, and what to do with the item.
import type { Task } from '../../src/core/annotationApi.ts';
import { type Draft, missingIn, type Verdict } from './draft.ts';
import { useStrings } from './texts.ts';

interface VerdictBarProps {
  task: Task;
  draft: Draft;
  isMissingShown: boolean;
  canUndo: boolean;
  onVerdict(verdict: Verdict): void;
  onSkip(): void;
  onUndo(): void;
  onSubmit(): void;
}

export function VerdictBar(props: VerdictBarProps) {
  const { task, draft, isMissingShown, canUndo, onVerdict, onSkip, onUndo, onSubmit } = props;
  const strings = useStrings();
  const { verdict, active } = draft;
  const left = missingIn(draft, task).length;
  const isActive = active.candidate >= task.candidates.length;
  const classes = ['verdict', isActive ? 'active' : '', isMissingShown && verdict === null ? 'missing' : ''].filter(
    (part) => part !== '',
  );
  const choice = (id: string, label: string, isChosen: boolean, chosen: Verdict) => (
    <label key={id} class={id === 'tie' ? 'tie' : ''}>
      <input
        type="radio"
        name="verdict"
        value={id}
        checked={isChosen}
        onChange={() => onVerdict(chosen)}
        aria-label={id === 'tie' ? label : strings.reply(label)}
      />
      <span aria-hidden="true">{label}</span>
    </label>
  );
  return (
    <div class="foot">
      <fieldset id="verdict" class={classes.join(' ')} tabIndex={-1}>
        <legend>{strings.verdict}</legend>
        <div class="choices">
          {task.candidates.map(({ key, candidateId }) =>
            choice(candidateId, key, verdict?.kind === 'best' && verdict.candidateId === candidateId, {
              kind: 'best',
              candidateId,
            }),
          )}
          {choice('tie', strings.tie, verdict?.kind === 'tie', { kind: 'tie' })}
        </div>
      </fieldset>
      <div class="actions">
        <span class="left muted">{left === 0 ? '' : strings.left(left)}</span>
        <button type="button" onClick={onUndo} disabled={!canUndo}>
          {strings.undo}{' '}
          <span class="key" aria-hidden="true">
            U
          </span>
        </button>
        <button type="button" onClick={onSkip}>
          {strings.skip}{' '}
          <span class="key" aria-hidden="true">
            S
          </span>
        </button>
        <button type="button" class={left === 0 ? 'primary' : 'primary waiting'} onClick={onSubmit}>
          {strings.submit}{' '}
          <span class="key" aria-hidden="true">
            ↵
          </span>
        </button>
      </div>
    </div>
  );
}
