// The lead's verdict: which reply is best, scores where wanted, and why.
import { useState } from 'preact/hooks';
import type { AdjudicationRequest, ItemReply } from '../../../src/core/annotation/lead.ts';
import { useCriterionText, useStrings } from '../frame/texts.ts';
import { newSubmissionId } from '../task/request.ts';
import { leadApi } from './leadApi.ts';
import { useLeadStrings } from './leadTexts.ts';

interface VerdictFormProps {
  item: ItemReply;
  onDecided(item: ItemReply): void;
}

const TIE = 'tie';
const SCORES = ['', '1', '2', '3', '4', '5'];
type Scores = Record<string, Record<string, number>>;

function bestIn(adjudication: ItemReply['adjudication']): string | null {
  const comparison = adjudication?.comparison;
  if (comparison?.kind === 'best') return comparison.candidateId;
  return comparison?.kind === 'tie' ? TIE : null;
}

export function VerdictForm({ item, onDecided }: VerdictFormProps) {
  const strings = useLeadStrings();
  const common = useStrings();
  const criterionText = useCriterionText();
  const { adjudication } = item;
  const [best, setBest] = useState<string | null>(() => bestIn(adjudication));
  const [ratings, setRatings] = useState<Scores>(() => ({ ...(adjudication?.ratings as Scores | undefined) }));
  const [comment, setComment] = useState(adjudication?.comment ?? '');
  const [message, setMessage] = useState<{ text: string; isBad: boolean } | null>(null);
  const [isBusy, setBusy] = useState(false);

  const isRated = item.answers.some((answer) => Object.keys(answer.ratings).length > 0);

  const setScore = (candidateId: string, criterionId: string, text: string) => {
    const { [criterionId]: _, ...others } = ratings[candidateId] ?? {};
    const scores = text === '' ? others : { ...others, [criterionId]: Number(text) };
    setRatings({ ...ratings, [candidateId]: scores });
  };
  const submit = async () => {
    if (best === null) return setMessage({ text: strings.noVerdict, isBad: true });
    const scores = Object.values(ratings).flatMap((given) => Object.keys(given)).length;
    if (scores > 0 && scores < item.candidates.length * item.criteria.length) {
      return setMessage({ text: strings.allScores, isBad: true });
    }
    setBusy(true);
    try {
      const request = {
        ratings: Object.fromEntries(Object.entries(ratings).filter(([, scores]) => Object.keys(scores).length > 0)),
        comparison: best === TIE ? { kind: 'tie' } : { kind: 'best', candidateId: best },
        ...(comment.trim() === '' ? {} : { comment: comment.trim() }),
        submissionId: newSubmissionId(),
      } as AdjudicationRequest;
      onDecided(await leadApi.adjudicate(item.itemId, request));
      setMessage({ text: strings.decidedNow, isBad: false });
    } catch (error) {
      setMessage({ text: common.failed(error instanceof Error ? error.message : ''), isBad: true });
    } finally {
      setBusy(false);
    }
  };
  const choice = (value: string, label: string) => (
    <label key={value} class={value === TIE ? 'tie' : ''}>
      <input type="radio" name="adjudicated" value={value} checked={best === value} onChange={() => setBest(value)} />
      <span>{label}</span>
    </label>
  );
  return (
    <form
      class="decision"
      aria-labelledby="yours"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2 id="yours">{strings.yours}</h2>
      {adjudication !== null && <p class="muted">{strings.yourVerdictBy(adjudication.source)}</p>}
      <fieldset class="verdict">
        <legend>{common.verdict}</legend>
        <div class="choices">
          {item.candidates.map(({ candidateId, key }) => choice(candidateId, key))}
          {choice(TIE, common.tie)}
        </div>
      </fieldset>
      {(isRated ? item.criteria : []).map((card) => (
        <fieldset key={card.id} class="scores">
          <legend>{criterionText(card).name}</legend>
          {item.candidates.map(({ candidateId, key }) => (
            <label key={candidateId}>
              <span>{key}</span>
              <select
                value={String(ratings[candidateId]?.[card.id] ?? '')}
                onChange={(event) => setScore(candidateId, card.id, event.currentTarget.value)}
              >
                {SCORES.map((score) => (
                  <option key={score} value={score}>
                    {score === '' ? strings.unknown : score}
                  </option>
                ))}
              </select>
            </label>
          ))}
        </fieldset>
      ))}
      <label class="comment">
        <span>{strings.commentLabel}</span>
        <textarea
          rows={2}
          maxLength={4000}
          value={comment}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </label>
      <p role="status" class={message?.isBad === true ? 'problem' : 'good'}>
        {message?.text}
      </p>
      <button type="submit" class="primary" disabled={isBusy}>
        {strings.decideButton}
      </button>
    </form>
  );
}
