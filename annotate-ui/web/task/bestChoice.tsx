// Which reply is best, or a tie: a radio group.
import type { Task } from '../../../src/core/annotationApi.ts';
import { useStrings } from '../frame/texts.ts';
import type { Verdict } from './draft.ts';

interface BestChoiceProps {
  task: Task;
  verdict: Verdict | null;
  onVerdict(verdict: Verdict): void;
}

export function BestChoice({ task, verdict, onVerdict }: BestChoiceProps) {
  const strings = useStrings();
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
    <div class="choices">
      {task.candidates.map(({ key, candidateId }) =>
        choice(candidateId, key, verdict?.kind === 'best' && verdict.candidateId === candidateId, {
          kind: 'best',
          candidateId,
        }),
      )}
      {choice('tie', strings.tie, verdict?.kind === 'tie', { kind: 'tie' })}
    </div>
  );
}
