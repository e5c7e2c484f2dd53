// The labeling screen: composes its parts and turns key presses into changes of the draft.
import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Language, Me } from '../../src/core/annotationApi.ts';
import { CandidateCard } from './candidateCard.tsx';
import { Conversation } from './conversation.tsx';
import { Done } from './done.tsx';
import {
  type Draft,
  missingIn,
  type Place,
  placeAfter,
  placeBefore,
  skipRequest,
  toRequest,
  undone,
  type Verdict,
  withActive,
  withScore,
  withVerdict,
} from './draft.ts';
import { type Action, actionOf, type FocusedControl } from './keys.ts';
import { KeysDialog } from './keysDialog.tsx';
import { SkipDialog } from './skipDialog.tsx';
import type { KeyValueStore } from './storage.ts';
import { useCriterionText, useStrings } from './texts.ts';
import { TopBar } from './topBar.tsx';
import { useLabeling } from './useLabeling.ts';
import { VerdictBar } from './verdictBar.tsx';

interface LabelingProps {
  me: Me;
  store: KeyValueStore;
  onLanguage(language: Language): void;
  onSignOut(): void;
  onSessionEnded(): void;
}

/** The id of the group that takes the focus when a place becomes active. */
export function placeId({ candidate, criterion }: Place, candidates: number): string {
  return candidate >= candidates ? 'verdict' : `score-${candidate}-${criterion}`;
}

function focusedControl(target: EventTarget | null): FocusedControl {
  if (!(target instanceof HTMLElement)) return 'none';
  if (target instanceof HTMLInputElement) return target.type === 'radio' ? 'radio' : 'text';
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return 'text';
  return target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement ? 'button' : 'none';
}

export function Labeling({ me, store, onLanguage, onSignOut, onSessionEnded }: LabelingProps) {
  const strings = useStrings();
  const criterionText = useCriterionText();
  const labeling = useLabeling({ me, store, onSessionEnded });
  const { shown, phase } = labeling;
  const [dialog, setDialog] = useState<'none' | 'keys' | 'skip'>('none');
  const [said, setSaid] = useState('');
  const [isMissingShown, setMissingShown] = useState(false);
  const focusPlace = useRef<Place | null>(null);
  const promptHeading = useRef<HTMLHeadingElement>(null);
  const itemId = shown?.task.itemId ?? null;
  const done = Math.min(labeling.progress.done + labeling.outbox.pending, labeling.progress.total);

  // A new item starts at its prompt, for eyes and for screen readers.
  useLayoutEffect(() => {
    setMissingShown(false);
    if (itemId === null) return;
    window.scrollTo({ top: 0 });
    promptHeading.current?.focus({ preventScroll: true });
  }, [itemId]);

  useLayoutEffect(() => {
    const place = focusPlace.current;
    if (place === null || shown === null) return;
    focusPlace.current = null;
    const group = document.getElementById(placeId(place, shown.task.candidates.length));
    group?.focus({ preventScroll: true });
    group?.scrollIntoView({ block: 'nearest' });
  });

  const go = (draft: Draft, place: Place) => {
    focusPlace.current = place;
    labeling.change(withActive(draft, place));
  };

  const giveScore = (place: Place, score: number, moveOn: boolean) => {
    if (shown === null) return;
    const { task, draft } = shown;
    const candidate = task.candidates[place.candidate];
    const card = task.criteria[place.criterion];
    if (candidate === undefined || card === undefined) return;
    const next = withScore(draft, task, { place, score, moveOn });
    if (moveOn) focusPlace.current = next.active;
    labeling.change(next);
    const { name, anchors } = criterionText(card);
    setSaid(strings.said.score(candidate.key, name, score, anchors[score - 1] ?? ''));
  };

  const giveVerdict = (verdict: Verdict | null) => {
    if (shown === null || verdict === null) return;
    labeling.change(withVerdict(shown.draft, verdict));
    const key =
      verdict.kind === 'best'
        ? shown.task.candidates.find((candidate) => candidate.candidateId === verdict.candidateId)?.key
        : undefined;
    setSaid(key === undefined ? strings.said.tie : strings.said.best(key));
  };

  const bestOf = (candidate: number): Verdict | null => {
    const candidateId = shown?.task.candidates[candidate]?.candidateId;
    return candidateId === undefined ? null : { kind: 'best', candidateId };
  };

  const submit = () => {
    if (shown === null) return;
    const { task, draft, isRevision } = shown;
    const missing = missingIn(draft, task);
    const [first] = missing;
    if (first !== undefined) {
      setMissingShown(true);
      setSaid(strings.said.missing(missing.length));
      go(draft, first.kind === 'score' ? first.place : { candidate: task.candidates.length, criterion: 0 });
      return;
    }
    if (labeling.submit((current) => toRequest(current, task, isRevision))) {
      setSaid(strings.said.next(Math.min(done + 1, labeling.progress.total), labeling.progress.total));
    }
  };

  const undo = () => {
    const before = shown === null ? null : undone(shown.draft);
    if (before !== null) {
      focusPlace.current = before.active;
      labeling.change(before);
    } else if (labeling.canGoBack) {
      labeling.goBack();
    } else {
      setSaid(strings.nothingToUndo);
    }
  };

  const skip = (reason: string) => {
    setDialog('none');
    if (shown === null) return;
    const { isRevision } = shown;
    labeling.submit((current) => skipRequest(current, reason, isRevision));
  };

  const move = (direction: 'up' | 'down' | 'left' | 'right') => {
    if (shown === null) return;
    const { task, draft } = shown;
    const { candidate, criterion } = draft.active;
    const last = task.candidates.length;
    switch (direction) {
      case 'down':
        return go(draft, placeAfter(task, draft.active));
      case 'up':
        return go(draft, placeBefore(task, draft.active));
      case 'left':
        return go(draft, { candidate: Math.max(0, candidate - 1), criterion: candidate >= last ? 0 : criterion });
      case 'right':
        return go(draft, { candidate: Math.min(last - 1, candidate + 1), criterion });
      default:
        return direction satisfies never;
    }
  };

  const act = (action: Action) => {
    if (action.kind === 'help') return setDialog('keys');
    if (action.kind === 'undo') return undo();
    if (shown === null) return;
    const { task, draft } = shown;
    switch (action.kind) {
      case 'focus':
        if (action.candidate < task.candidates.length) go(draft, { candidate: action.candidate, criterion: 0 });
        return;
      case 'best':
        return giveVerdict(bestOf(action.candidate));
      case 'bestActive':
        return giveVerdict(bestOf(draft.active.candidate));
      case 'tie':
        return giveVerdict({ kind: 'tie' });
      case 'score':
        return giveScore(draft.active, action.score, true);
      case 'move':
        return move(action.direction);
      case 'skip':
        return setDialog('skip');
      case 'submit':
        return submit();
      default:
        return action satisfies never;
    }
  };

  const latestAct = useRef(act);
  latestAct.current = act;
  const isDialogOpen = dialog !== 'none';
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isDialogOpen || event.isComposing || event.defaultPrevented) return;
      const action = actionOf(event, focusedControl(event.target));
      // A key held down must not submit one item after another.
      if (action === null || (event.repeat && action.kind !== 'move')) return;
      event.preventDefault();
      latestAct.current(action);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [isDialogOpen]);

  const setActive = useCallback(
    (place: Place) => {
      if (shown === null) return;
      const { active } = shown.draft;
      if (active.candidate === place.candidate && active.criterion === place.criterion) return;
      labeling.change(withActive(shown.draft, place));
    },
    [shown],
  );

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
          {strings.refused(labeling.refusal)}
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
                  isMissingShown={isMissingShown}
                  onScore={(place, score) => giveScore(place, score, false)}
                  onActive={setActive}
                />
              ))}
            </div>
          </div>
          <VerdictBar
            task={shown.task}
            draft={shown.draft}
            isMissingShown={isMissingShown}
            canUndo={shown.draft.past.length > 0 || labeling.canGoBack}
            onVerdict={giveVerdict}
            onSkip={() => setDialog('skip')}
            onUndo={undo}
            onSubmit={submit}
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
        {said}
      </p>
      {dialog === 'keys' && <KeysDialog onClose={() => setDialog('none')} />}
      {dialog === 'skip' && <SkipDialog onSkip={skip} onClose={() => setDialog('none')} />}
    </>
  );
}
