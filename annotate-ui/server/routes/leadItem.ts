// One item with all that was said of it, for adjudication; blind to the models, as the raters are.
import type { ItemReply } from '../../../src/core/annotation/lead.ts';
import { latestJudgements } from '../../../src/core/judgements.ts';
import { type Judgement, sourceKey } from '../../../src/core/records.ts';
import type { LabelingItem } from '../labeling/labelingSet.ts';
import type { LabelingServer } from '../labelingServer.ts';
import { lettered, verdictOf } from './taskView.ts';

type Answer = ItemReply['answers'][number];

function answerOf(judgement: Judgement): Answer {
  const { source, presented, createdAt, durationMs, comparison } = judgement;
  const verdict = verdictOf(judgement) ?? { ratings: {}, comparison: { kind: 'none' as const } };
  return {
    ...verdict,
    comparison: comparison.kind === 'missing' ? { kind: 'missing', reason: comparison.reason } : comparison,
    source: sourceKey(source),
    presented,
    createdAt,
    durationMs,
  };
}

export async function itemReply({ desk, workspace }: LabelingServer, item: LabelingItem): Promise<ItemReply> {
  const { set, book, project } = desk;
  const judges = latestJudgements(
    await workspace.judgements(set.id).readWhere((line) => line.includes(item.id)),
  ).filter(({ source, itemId }) => source.kind === 'judge' && itemId === item.id);
  const adjudication = book.adjudication(item.id);
  return {
    itemId: item.id,
    promptId: item.promptId,
    messages: item.messages,
    candidates: lettered(set, item.candidateIds),
    criteria: project.criteria,
    answers: [...book.ofItem(item.id).map(book.judgementOf), ...judges].map(answerOf),
    adjudication: adjudication === null ? null : answerOf(adjudication),
  };
}
