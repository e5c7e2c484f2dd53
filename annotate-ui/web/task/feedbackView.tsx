// What was right in the practice round: the expected answer beside one's own, and why.
import type { Standing } from '../../../src/core/annotationApi.ts';
import { Notice } from '../frame/notice.tsx';
import { useCriterionText, useStrings } from '../frame/texts.ts';
import { RichText } from '../text/richText.tsx';
import { checkedParts } from './feedback.ts';
import type { Told } from './workDesk.ts';

interface FeedbackViewProps {
  told: Told;
  standing: Standing;
  onGoOn(): void;
}

const percent = (share: number | null) => Math.round((share ?? 0) * 100);

export function FeedbackView({ told, standing, onGoOn }: FeedbackViewProps) {
  const strings = useStrings();
  const criterionText = useCriterionText();
  const { feedback, task } = told;
  const { qualification } = standing;
  const keyOf = (candidateId: string) =>
    task.candidates.find((candidate) => candidate.candidateId === candidateId)?.key ?? '';
  const bestText = (candidateId: string | null) =>
    candidateId === null ? strings.tie : strings.reply(keyOf(candidateId));
  const hasPassed = qualification?.state === 'passed';
  return (
    <Notice
      title={hasPassed ? strings.passedTitle : strings.feedbackTitle(percent(feedback.score))}
      text={
        hasPassed
          ? strings.passedText(percent(qualification.score))
          : strings.practice(qualification?.answered ?? 0, qualification?.items ?? 0)
      }
    >
      <div class="feedback">
        <table>
          <thead>
            <tr>
              <th scope="col">{strings.feedbackPart}</th>
              <th scope="col">{strings.feedbackYours}</th>
              <th scope="col">{strings.feedbackExpected}</th>
            </tr>
          </thead>
          <tbody>
            {checkedParts(told).map((part) => {
              const card = part.kind === 'score' ? task.criteria.find(({ id }) => id === part.criterionId) : undefined;
              const name =
                part.kind === 'best'
                  ? strings.verdict
                  : `${keyOf(part.candidateId)}, ${card === undefined ? part.criterionId : criterionText(card).name}`;
              const show = (value: string | number | null) => (typeof value === 'number' ? value : bestText(value));
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{show(part.given)}</td>
                  <td>{show(part.expected)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {feedback.explanation !== '' && <RichText text={feedback.explanation} links="live" />}
      </div>
      <button type="button" class="primary" onClick={onGoOn}>
        {strings.goOn}{' '}
        <span class="key" aria-hidden="true">
          ↵
        </span>
      </button>
    </Notice>
  );
}
