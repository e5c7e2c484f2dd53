// One reply with its scales.
import type { Task } from '../../src/core/annotationApi.ts';
import { type Draft, type Place, scoreAt } from './draft.ts';
import { Scale } from './scale.tsx';
import { useStrings } from './texts.ts';

interface CandidateCardProps {
  index: number;
  task: Task;
  draft: Draft;
  isMissingShown: boolean;
  onScore(place: Place, score: number): void;
  onActive(place: Place): void;
}

export function CandidateCard({ index, task, draft, isMissingShown, onScore, onActive }: CandidateCardProps) {
  const strings = useStrings();
  const candidate = task.candidates[index];
  if (candidate === undefined) return null;
  const isActive = draft.active.candidate === index;
  const isBest = draft.verdict?.kind === 'best' && draft.verdict.candidateId === candidate.candidateId;
  const classes = ['card', isActive ? 'active' : '', isBest ? 'best' : ''].filter((name) => name !== '').join(' ');
  return (
    <article class={classes} aria-labelledby={`reply-${index}`} data-key={candidate.key}>
      <header>
        <h3 id={`reply-${index}`}>
          <span class="letter" aria-hidden="true">
            {candidate.key}
          </span>
          <span class="sr-only">{strings.reply(candidate.key)}</span>
        </h3>
        {isBest && <span class="best-mark">★ {strings.bestMark}</span>}
      </header>
      {candidate.text.trim() === '' ? (
        <p class="text muted">{strings.emptyReply}</p>
      ) : (
        <p class="text">{candidate.text}</p>
      )}
      <div class="scales">
        {task.criteria.map((card, criterion) => {
          const place = { candidate: index, criterion };
          const score = scoreAt(draft, task, place);
          return (
            <Scale
              key={card.id}
              place={place}
              candidateKey={candidate.key}
              card={card}
              score={score}
              isActive={isActive && draft.active.criterion === criterion}
              isMissing={isMissingShown && score === null}
              onScore={(value) => onScore(place, value)}
              onActive={() => onActive(place)}
            />
          );
        })}
      </div>
    </article>
  );
}
