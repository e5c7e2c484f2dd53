// For tests: a task of two or more replies.
import type { Task } from '../../../src/core/annotationApi.ts';

const text = { name: 'n', question: 'q', anchors: ['1', '2', '3', '4', '5'] };

/** @param candidates ids of the replies; their texts are the ids */
export function taskOf(change: Partial<Task['ask']> = {}, candidates = ['c-1', 'c-2']): Task {
  return {
    itemId: 'item-1',
    promptId: 'p-1',
    messages: [{ role: 'user', content: 'Hello' }],
    candidates: candidates.map((candidateId, i) => ({ key: 'ABCDEF'[i], candidateId, text: candidateId })),
    criteria: ['fluency', 'safety'].map((id) => ({ id, text: { en: text, zh: text } })),
    ask: { ratings: true, comparison: 'best', correction: true, flags: true, comment: true, skip: true, ...change },
    round: 'work',
    leaseExpiresAt: null,
    draft: null,
    judgement: null,
  } as unknown as Task;
}
