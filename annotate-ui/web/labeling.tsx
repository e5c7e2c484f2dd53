// The labeling screen: composes its parts around the item that is shown.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Language } from '../../src/core/annotation/project.ts';
import type { Me } from '../../src/core/annotationApi.ts';
import { CandidateCard } from './candidateCard.tsx';
import { Conversation } from './conversation.tsx';
import { Done } from './done.tsx';
import { KeysDialog } from './keysDialog.tsx';
import { SkipDialog } from './skipDialog.tsx';
import type { KeyValueStore } from './storage.ts';
import { useStrings } from './texts.ts';
import { TopBar } from './topBar.tsx';
import { useItemActions } from './useItemActions.ts';
import { useKeyboard } from './useKeyboard.ts';
import { useLabeling } from './useLabeling.ts';
import { VerdictBar } from './verdictBar.tsx';

interface LabelingProps {
  me: Me;
  store: KeyValueStore;
  onLanguage(language: Language): void;
  onSignOut(): void;
  onSessionEnded(): void;
}

const LETTER_KEYS = 'fourfold/letterKeys';

export function Labeling({ me, store, onLanguage, onSignOut, onSessionEnded }: LabelingProps) {
  const strings = useStrings();
  const labeling = useLabeling({ me, store, onSessionEnded });
  const { shown, phase } = labeling;
  const done = Math.min(labeling.progress.done + labeling.outbox.pending, labeling.progress.total);
  const actions = useItemActions(labeling, done);
  const [dialog, setDialog] = useState<'none' | 'keys' | 'skip'>('none');
  const [hasLetterKeys, setLetterKeys] = useState(() => store.get(LETTER_KEYS) !== 'off');
  const promptHeading = useRef<HTMLHeadingElement>(null);
  const itemId = shown?.task.itemId ?? null;

  // A new item starts at its prompt, for eyes and for screen readers.
  useLayoutEffect(() => {
    if (itemId === null) return;
    window.scrollTo({ top: 0 });
    promptHeading.current?.focus({ preventScroll: true });
  }, [itemId]);

  useKeyboard({
    isOn: dialog === 'none',
    hasLetterKeys,
    onAction: (action) => {
      if (action.kind === 'help') setDialog('keys');
      else if (action.kind !== 'skip') actions.act(action);
      else if (shown !== null) setDialog('skip');
    },
  });

  const switchLetterKeys = (isOn: boolean) => {
    store.set(LETTER_KEYS, isOn ? 'on' : 'off');
    setLetterKeys(isOn);
  };
  const skip = (reason: string) => {
    setDialog('none');
    actions.skip(reason);
  };

  return (
    <>
      <TopBar
        name={me.annotator.name}
        done={done}
        total={labeling.progress.total}
        outbox={labeling.outbox}
        onKeys={() => setDialog('keys')}
        onLanguage={onLanguage}
        onSignOut={onSignOut}
      />
      {labeling.refusal !== null && (
        <p class="banner" role="alert">
          {labeling.refusal.status === 409 ? strings.judgedElsewhere : strings.refused(labeling.refusal.message)}
          <button type="button" onClick={labeling.dismissRefusal}>
            {strings.close}
          </button>
        </p>
      )}
      {phase === 'task' && shown !== null && (
        <main class="task" key={shown.task.itemId}>
          <div class="sheet">
            {shown.isRevision && <p class="banner">{strings.revising}</p>}
            <Conversation messages={shown.task.messages} headingRef={promptHeading} />
            <h2 class="sr-only">{strings.replies}</h2>
            <div class="cards" data-count={shown.task.candidates.length}>
              {shown.task.candidates.map((candidate, i) => (
                <CandidateCard
                  key={candidate.candidateId}
                  index={i}
                  task={shown.task}
                  draft={shown.draft}
                  isMissingShown={actions.isMissingShown}
                  onScore={actions.giveScore}
                  onActive={actions.setActive}
                />
              ))}
            </div>
          </div>
          <VerdictBar
            task={shown.task}
            draft={shown.draft}
            isMissingShown={actions.isMissingShown}
            canUndo={shown.draft.past.length > 0 || labeling.canGoBack}
            onVerdict={actions.giveVerdict}
            onSkip={() => setDialog('skip')}
            onUndo={actions.undo}
            onSubmit={actions.submit}
          />
        </main>
      )}
      {phase === 'loading' && <p class="centered muted">{strings.loading}</p>}
      {phase === 'waiting' && (
        <p class="centered" role="status">
          {strings.waiting}
        </p>
      )}
      {phase === 'done' && (
        <Done
          progress={labeling.progress}
          pending={labeling.outbox.pending}
          onBack={labeling.canGoBack ? labeling.goBack : null}
        />
      )}
      <p class="sr-only" role="status" aria-live="polite">
        {actions.said}
      </p>
      {dialog === 'keys' && (
        <KeysDialog hasLetterKeys={hasLetterKeys} onLetterKeys={switchLetterKeys} onClose={() => setDialog('none')} />
      )}
      {dialog === 'skip' && <SkipDialog onSkip={skip} onClose={() => setDialog('none')} />}
    </>
  );
}
