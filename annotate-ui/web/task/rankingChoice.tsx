// The replies in order: by drag, by a click that gives the next place, by arrows on a chip, and by keys.

import { useLayoutEffect, useRef } from 'preact/hooks';
import Sortable from 'sortablejs';
import type { Task } from '../../../src/core/annotationApi.ts';
import { useStrings } from '../frame/texts.ts';
import { isPlaced, moved, placed, type Ranking, rankOf, removed, tieSwitched } from './ranking.ts';

interface RankingChoiceProps {
  task: Task;
  ranking: Ranking;
  onRanking(ranking: Ranking, about?: string): void;
}

const RANKED = 'ranked';

export function RankingChoice({ task, ranking, onRanking }: RankingChoiceProps) {
  const strings = useStrings();
  const ranked = useRef<HTMLOListElement>(null);
  const waiting = useRef<HTMLUListElement>(null);
  const latest = useRef({ ranking, onRanking });
  latest.current = { ranking, onRanking };

  useLayoutEffect(() => {
    const lists = [ranked.current, waiting.current].flatMap((list) => (list === null ? [] : [list]));
    const sortables = lists.map((list) =>
      Sortable.create(list, {
        group: 'ranking',
        draggable: 'li',
        animation: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 120,
        // Touch must still scroll and tap.
        delay: 120,
        delayOnTouchOnly: true,
        onEnd: ({ item, from, to, oldDraggableIndex = 0, newDraggableIndex = 0 }) => {
          // The list goes back to what was drawn; the state then draws it anew.
          item.remove();
          from.insertBefore(item, from.querySelectorAll('li')[oldDraggableIndex] ?? null);
          const id = item.dataset.id ?? '';
          const { ranking: now, onRanking: tell } = latest.current;
          tell(to.classList.contains(RANKED) ? placed(now, id, newDraggableIndex) : removed(now, id), id);
        },
      }),
    );
    return () => {
      for (const sortable of sortables) sortable.destroy();
    };
  }, [task.itemId]);

  const keyOf = (candidateId: string) =>
    task.candidates.find((candidate) => candidate.candidateId === candidateId)?.key ?? '';
  const onArrow = (event: KeyboardEvent, id: string) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (step !== -1 && step !== 1) return;
    event.preventDefault();
    event.stopPropagation();
    onRanking(moved(ranking, id, step), id);
  };
  const chip = (id: string) => {
    const rank = rankOf(ranking, id);
    return (
      <button
        type="button"
        class="chip"
        onKeyDown={(event) => onArrow(event, id)}
        onClick={() => onRanking(rank === null ? placed(ranking, id, ranking.length) : removed(ranking, id), id)}
      >
        <span aria-hidden="true">
          {rank !== null && <span class="rank">{rank}</span>}
          {keyOf(id)}
        </span>
        <span class="sr-only">{strings.rankChip(keyOf(id), rank)}</span>
      </button>
    );
  };
  return (
    <div class="ranks">
      <ol class={RANKED} ref={ranked}>
        {ranking.map(({ candidateId, isTied }, i) => {
          const before = ranking[i - 1];
          return (
            <li key={candidateId} data-id={candidateId}>
              {before !== undefined && (
                <button
                  type="button"
                  class="level"
                  aria-label={strings.levelWith(keyOf(candidateId), keyOf(before.candidateId), isTied)}
                  onClick={() => onRanking(tieSwitched(ranking, candidateId), candidateId)}
                >
                  {isTied ? '=' : '>'}
                </button>
              )}
              {chip(candidateId)}
            </li>
          );
        })}
      </ol>
      <ul class="unranked" ref={waiting} aria-label={strings.notRanked}>
        {task.candidates
          .filter(({ candidateId }) => !isPlaced(ranking, candidateId))
          .map(({ candidateId }) => (
            <li key={candidateId} data-id={candidateId}>
              {chip(candidateId)}
            </li>
          ))}
      </ul>
    </div>
  );
}
