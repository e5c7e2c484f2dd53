// One item: the prompt, its replies, and what is asked about them.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useStrings } from '../frame/texts.ts';
import { CandidateCard } from './candidateCard.tsx';
import { Conversation } from './conversation.tsx';
import { Foot } from './foot.tsx';
import type { ItemActions } from './useItemActions.ts';
import type { Shown } from './workDesk.ts';

interface TaskViewProps {
  shown: Shown;
  actions: ItemActions;
  canUndo: boolean;
  isPlain: boolean;
  /** Index of the reply that is being corrected, or null. */
  correcting: number | null;
  onCorrecting(index: number | null): void;
  onFlag(index: number): void;
  onSkip(): void;
}

const COMMENT_MAX_CHARS = 4000;
export const COMMENT_ID = 'comment';

export function TaskView(props: TaskViewProps) {
  const { shown, actions, canUndo, isPlain, correcting, onCorrecting, onFlag, onSkip } = props;
  const { task, draft } = shown;
  const strings = useStrings();
  const promptHeading = useRef<HTMLHeadingElement>(null);
  // A new item starts at its prompt, for eyes and for screen readers.
  useLayoutEffect(() => {
    window.scrollTo({ top: 0 });
    promptHeading.current?.focus({ preventScroll: true });
  }, [task.itemId]);
  const leaveComment = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    const isDone = event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey));
    if (!isDone || event.isComposing) return;
    event.preventDefault();
    event.currentTarget.blur();
  };
  return (
    <main class="task" key={task.itemId}>
      <div class="sheet">
        {shown.isRevision && <p class="banner">{strings.revising}</p>}
        <Conversation messages={task.messages} isPlain={isPlain} headingRef={promptHeading} />
        <h2 class="sr-only">{strings.replies}</h2>
        <div class="cards" data-count={task.candidates.length}>
          {task.candidates.map((candidate, i) => (
            <CandidateCard
              key={candidate.candidateId}
              index={i}
              task={task}
              draft={draft}
              isMissingShown={actions.isMissingShown}
              isPlain={isPlain}
              isCorrecting={correcting === i}
              onScore={actions.giveScore}
              onActive={actions.setActive}
              onCorrecting={(isOn) => onCorrecting(isOn ? i : null)}
              onCorrection={(text) => actions.giveCorrection(candidate.candidateId, text)}
              onFlag={() => onFlag(i)}
            />
          ))}
        </div>
        {task.ask.comment && (
          <label class="comment">
            <span>{strings.comment}</span>
            <textarea
              id={COMMENT_ID}
              rows={2}
              maxLength={COMMENT_MAX_CHARS}
              value={draft.comment}
              onInput={(event) => actions.giveComment(event.currentTarget.value)}
              onKeyDown={leaveComment}
            />
          </label>
        )}
      </div>
      <Foot
        task={task}
        draft={draft}
        isMissingShown={actions.isMissingShown}
        canUndo={canUndo}
        onVerdict={actions.giveVerdict}
        onRanking={actions.giveRanking}
        onSkip={onSkip}
        onUndo={actions.undo}
        onSubmit={actions.submit}
      />
    </main>
  );
}
