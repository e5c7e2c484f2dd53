// One reply: what it says, sounds like or should have been, and its scales.
import type { Task } from '../../../src/core/annotationApi.ts';
import { AudioPlayer } from '../audio/audioPlayer.tsx';
import { useStrings } from '../frame/texts.ts';
import { RichText } from '../text/richText.tsx';
import { CorrectionEditor } from './correctionEditor.tsx';
import { criteriaOf, type Draft, type Place, scoreAt } from './draft.ts';
import { rankOf } from './ranking.ts';
import { Scale } from './scale.tsx';

interface CandidateCardProps {
  index: number;
  task: Task;
  draft: Draft;
  isMissingShown: boolean;
  isPlain: boolean;
  isCorrecting: boolean;
  onScore(place: Place, score: number): void;
  onActive(place: Place): void;
  onCorrecting(isOn: boolean): void;
  onCorrection(text: string | null): void;
  onFlag(): void;
}

/** A badge for what was said of the reply as a whole, or null. */
function useMark(task: Task, draft: Draft, candidateId: string): string | null {
  const strings = useStrings();
  if (task.ask.comparison === 'ranking') {
    const rank = rankOf(draft.ranking, candidateId);
    return rank === null ? null : strings.rankMark(rank);
  }
  return draft.verdict?.kind === 'best' && draft.verdict.candidateId === candidateId ? `★ ${strings.bestMark}` : null;
}

export function CandidateCard(props: CandidateCardProps) {
  const { index, task, draft, isMissingShown, isPlain, isCorrecting } = props;
  const strings = useStrings();
  const candidate = task.candidates[index];
  const mark = useMark(task, draft, candidate?.candidateId ?? '');
  if (candidate === undefined) return null;
  const { candidateId, key, audio } = candidate;
  const isActive = draft.active.candidate === index;
  const correction = draft.corrections[candidateId];
  const text = correction ?? candidate.text;
  const flags = draft.flags[candidateId] ?? [];
  return (
    <article
      id={`card-${index}`}
      class={`card${isActive ? ' active' : ''}`}
      tabIndex={-1}
      aria-labelledby={`reply-${index}`}
      aria-current={isActive ? 'true' : undefined}
      data-key={key}
      onFocusIn={(event) => {
        // A scale has a place of its own.
        if ((event.target as Element).closest('fieldset') === null && !isActive) {
          props.onActive({ candidate: index, criterion: 0 });
        }
      }}
    >
      <header>
        <h3 id={`reply-${index}`}>
          <span class="letter" aria-hidden="true">
            {key}
          </span>
          <span class="sr-only">{strings.reply(key)}</span>
        </h3>
        <span class="marks">
          {mark !== null && <span class="best-mark">{mark}</span>}
          {correction !== undefined && <span class="mark">{strings.correctedMark}</span>}
          {flags.map((flag) => (
            <span key={flag} class="mark bad">
              {strings.flags[flag]}
            </span>
          ))}
        </span>
        <span class="card-tools">
          {task.ask.correction && (
            <button
              type="button"
              class="quiet"
              aria-pressed={isCorrecting}
              onClick={() => props.onCorrecting(!isCorrecting)}
            >
              {strings.correct} <span class="sr-only">{strings.reply(key)}</span>
              {isActive && <Hint name="I" />}
            </button>
          )}
          {task.ask.flags && (
            <button type="button" class="quiet" onClick={props.onFlag}>
              {strings.flag} <span class="sr-only">{strings.reply(key)}</span>
              {isActive && <Hint name="X" />}
            </button>
          )}
        </span>
      </header>
      {audio !== undefined && <AudioPlayer candidateId={candidateId} candidateKey={key} src={audio.url} />}
      {isCorrecting ? (
        <CorrectionEditor
          candidateKey={key}
          text={text}
          hasCorrection={correction !== undefined}
          onText={props.onCorrection}
          onDone={() => props.onCorrecting(false)}
        />
      ) : text.trim() === '' ? (
        audio === undefined && <p class="text muted">{strings.emptyReply}</p>
      ) : isPlain ? (
        <p class="text plain">{text}</p>
      ) : (
        <RichText text={text} />
      )}
      {task.ask.ratings && (
        <div class="scales">
          {criteriaOf(task).map((card, criterion) => {
            const place = { candidate: index, criterion };
            const score = scoreAt(draft, task, place);
            return (
              <Scale
                key={card.id}
                place={place}
                candidateKey={key}
                card={card}
                score={score}
                isActive={isActive && draft.active.criterion === criterion}
                isMissing={isMissingShown && score === null}
                onScore={(value) => props.onScore(place, value)}
                onActive={() => props.onActive(place)}
              />
            );
          })}
        </div>
      )}
    </article>
  );
}

function Hint({ name }: { name: string }) {
  return (
    <span class="key" aria-hidden="true">
      {name}
    </span>
  );
}
