// Everyone's answer to one item, a row each: verdict, scores, flags, rewritten replies, comment.
import type { ItemReply } from '../../../src/core/annotation/lead.ts';
import { useCriterionText, useStrings } from '../frame/texts.ts';
import { useFormats, useLeadStrings } from './leadTexts.ts';
import { Table } from './table.tsx';

type Answer = ItemReply['answers'][number];

export function Answers({ item }: { item: ItemReply }) {
  const strings = useLeadStrings();
  const common = useStrings();
  const criterionText = useCriterionText();
  const { count, time } = useFormats();
  const keyOf = (candidateId: string) =>
    item.candidates.find((candidate) => candidate.candidateId === candidateId)?.key ?? '?';
  const verdict = ({ comparison, strength, bothBad, ranking }: Answer) => {
    if (ranking !== undefined) return ranking.map((group) => group.map(keyOf).join(' = ')).join(' > ');
    switch (comparison.kind) {
      case 'best':
        return strength === 1 || strength === 2 || strength === 3
          ? common.better[strength](keyOf(comparison.candidateId))
          : keyOf(comparison.candidateId);
      case 'tie':
        return bothBad === true ? common.bothBad : common.tie;
      case 'none':
        return strings.noComparison;
      case 'skip':
        return strings.skippedAnswer(comparison.reason ?? '');
      case 'missing':
        return strings.failedAnswer(comparison.reason);
      default:
        return comparison satisfies never;
    }
  };
  const scores = (answer: Answer, criterionId: string) =>
    item.candidates
      .map(({ candidateId, key }) => {
        const score = answer.ratings[candidateId]?.[criterionId];
        return score === undefined ? null : `${key} ${score}`;
      })
      .filter((text) => text !== null)
      .join('  ');
  const details = (answer: Answer) => [
    ...Object.entries(answer.flags ?? {}).map(([id, flags]) => (
      <small key={`flag ${id}`}>
        {keyOf(id)}: {flags.map((flag) => common.flags[flag]).join(', ')}
      </small>
    )),
    ...Object.entries(answer.corrections ?? {}).map(([id, text]) => (
      <details key={`correction ${id}`}>
        <summary>{common.correcting(keyOf(id))}</summary>
        <p class="text plain">{text}</p>
      </details>
    )),
    answer.comment === undefined ? null : <q key="comment">{answer.comment}</q>,
  ];
  return (
    <Table
      name={strings.whoSaid}
      head={[
        strings.source,
        strings.verdictOf,
        ...item.criteria.map((card) => criterionText(card).name),
        strings.seconds,
        common.comment,
      ]}
      rows={item.answers.map((answer) => [
        <>
          {answer.source}
          <small>
            {time(answer.createdAt)} · {strings.sawFirst(answer.presented.map(keyOf).join(' '))}
          </small>
        </>,
        verdict(answer),
        ...item.criteria.map((card) => scores(answer, card.id)),
        count(answer.durationMs === null ? null : answer.durationMs / 1000),
        details(answer),
      ])}
    />
  );
}
