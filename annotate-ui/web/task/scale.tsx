// One criterion of one reply, from 1 to 5: a radio group whose meaning is always in sight.
import type { CriterionCard } from '../../../src/core/annotation/project.ts';
import { useCriterionText, useStrings } from '../frame/texts.ts';
import type { Place } from './draft.ts';

interface ScaleProps {
  place: Place;
  candidateKey: string;
  card: CriterionCard;
  score: number | null;
  isActive: boolean;
  isMissing: boolean;
  onScore(score: number): void;
  onActive(): void;
}

/** The id of the group of radio buttons at a place. */
export function scoreGroupId({ candidate, criterion }: Place): string {
  return `score-${candidate}-${criterion}`;
}

export function Scale({ place, candidateKey, card, score, isActive, isMissing, onScore, onActive }: ScaleProps) {
  const strings = useStrings();
  const { name, question, anchors } = useCriterionText()(card);
  const id = scoreGroupId(place);
  const classes = ['scale', isActive ? 'active' : '', isMissing ? 'missing' : '']
    .filter((part) => part !== '')
    .join(' ');
  return (
    <fieldset id={id} class={classes} tabIndex={-1} aria-current={isActive ? 'true' : undefined} onFocusIn={onActive}>
      <legend>
        <span class="sr-only">{strings.reply(candidateKey)}, </span>
        <span title={question}>{name}</span>
      </legend>
      <div class="steps">
        {anchors.map((anchor, i) => {
          const value = i + 1;
          const isReached = score !== null && value < score;
          return (
            <label key={anchor} class={isReached ? 'reached' : ''} title={`${value} · ${anchor}`}>
              <input
                type="radio"
                name={id}
                value={value}
                checked={score === value}
                onChange={() => onScore(value)}
                aria-label={`${value}, ${anchor}`}
              />
              <span aria-hidden="true">{value}</span>
            </label>
          );
        })}
      </div>
      <p class="anchor" aria-hidden="true">
        {score === null ? (
          <>
            <span>{anchors[0]}</span>
            <span>{anchors[4]}</span>
          </>
        ) : (
          <span class="chosen">{anchors[score - 1]}</span>
        )}
      </p>
    </fieldset>
  );
}
