// Which of two replies is better, and by how much: a radio group from the one to the other, and "both bad".
import type { Task } from '../../../src/core/annotationApi.ts';
import type { Strings } from '../frame/strings.ts';
import { useStrings } from '../frame/texts.ts';
import type { Verdict } from './draft.ts';
import { isSameVerdict, stepsOf } from './strength.ts';

interface StrengthChoiceProps {
  task: Task;
  verdict: Verdict | null;
  onVerdict(verdict: Verdict): void;
}

/** What a step says. */
export function verdictText(strings: Strings, verdict: Verdict, keyOf: (candidateId: string) => string): string {
  if (verdict.kind === 'tie') return verdict.bothBad === true ? strings.bothBad : strings.tie;
  const key = keyOf(verdict.candidateId);
  return verdict.strength === undefined ? strings.said.best(key) : strings.better[verdict.strength](key);
}

export function StrengthChoice({ task, verdict, onVerdict }: StrengthChoiceProps) {
  const strings = useStrings();
  const keyOf = (candidateId: string) =>
    task.candidates.find((candidate) => candidate.candidateId === candidateId)?.key ?? '';
  const steps = stepsOf(task);
  const chosen = steps.find((step) => isSameVerdict(step, verdict));
  return (
    <div class="strengths">
      <div class="choices">
        {steps.map((step, i) => {
          const text = verdictText(strings, step, keyOf);
          // On the scale a step shows whom it favours and how far; its words stand below once it is chosen.
          const mark = step.kind === 'tie' ? text : `${keyOf(step.candidateId)}${'+'.repeat((step.strength ?? 1) - 1)}`;
          return (
            <label key={text} class={step.kind === 'tie' ? 'tie' : ''} title={`${i + 1} · ${text}`}>
              <input
                type="radio"
                name="verdict"
                value={String(i + 1)}
                checked={isSameVerdict(step, verdict)}
                onChange={() => onVerdict(step)}
                aria-label={text}
              />
              <span aria-hidden="true">{mark}</span>
            </label>
          );
        })}
      </div>
      <p class="anchor" aria-hidden="true">
        {chosen === undefined ? (
          <>
            <span>{steps[0] === undefined ? '' : verdictText(strings, steps[0], keyOf)}</span>
            <span>{steps[6] === undefined ? '' : verdictText(strings, steps[6], keyOf)}</span>
          </>
        ) : (
          <span class="chosen">{verdictText(strings, chosen, keyOf)}</span>
        )}
      </p>
    </div>
  );
}
