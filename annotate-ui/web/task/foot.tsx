// The bar at the foot of the screen: how the replies compare, and what to do with the item.
import type { Task } from '../../../src/core/annotationApi.ts';
import { useStrings } from '../frame/texts.ts';
import { BestChoice } from './bestChoice.tsx';
import { type Draft, isVerdictMissing, missingIn, type Verdict } from './draft.ts';
import type { Ranking } from './ranking.ts';
import { RankingChoice } from './rankingChoice.tsx';
import { StrengthChoice } from './strengthChoice.tsx';

interface FootProps {
  task: Task;
  draft: Draft;
  isMissingShown: boolean;
  canUndo: boolean;
  onVerdict(verdict: Verdict): void;
  onRanking(ranking: Ranking, about?: string): void;
  onSkip(): void;
  onUndo(): void;
  onSubmit(): void;
}

export function Foot(props: FootProps) {
  const { task, draft, isMissingShown, canUndo, onVerdict, onSkip, onUndo, onSubmit } = props;
  const strings = useStrings();
  const left = missingIn(draft, task).length;
  const { comparison } = task.ask;
  const isActive = draft.active.candidate >= task.candidates.length;
  const isMissing = isMissingShown && isVerdictMissing(draft, task);
  const legend = {
    none: '',
    best: strings.verdict,
    strength: strings.compareTwo,
    ranking: strings.ranking,
  }[comparison];
  return (
    <div class="foot">
      {comparison !== 'none' && (
        <fieldset
          id="verdict"
          class={`verdict ${comparison}${isActive ? ' active' : ''}${isMissing ? ' missing' : ''}`}
          tabIndex={-1}
          aria-current={isActive ? 'true' : undefined}
        >
          <legend>{legend}</legend>
          {comparison === 'best' && <BestChoice task={task} verdict={draft.verdict} onVerdict={onVerdict} />}
          {comparison === 'strength' && <StrengthChoice task={task} verdict={draft.verdict} onVerdict={onVerdict} />}
          {comparison === 'ranking' && (
            <RankingChoice task={task} ranking={draft.ranking} onRanking={props.onRanking} />
          )}
        </fieldset>
      )}
      <div class="actions">
        <span class="left muted">{left === 0 ? '' : strings.left(left)}</span>
        <button type="button" onClick={onUndo} disabled={!canUndo}>
          {strings.undo} <Key name="U" />
        </button>
        {task.ask.skip && (
          <button type="button" onClick={onSkip}>
            {strings.skip} <Key name="S" />
          </button>
        )}
        <button type="button" class={left === 0 ? 'primary' : 'primary waiting'} onClick={onSubmit}>
          {strings.submit} <Key name="↵" />
        </button>
      </div>
    </div>
  );
}

function Key({ name }: { name: string }) {
  return (
    <span class="key" aria-hidden="true">
      {name}
    </span>
  );
}
