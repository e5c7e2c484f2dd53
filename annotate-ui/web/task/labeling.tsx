// The labeling screen: the item, or why there is none, with the bar above and what opens over it.
import { useLayoutEffect, useState } from 'preact/hooks';
import type { Me, ProjectReply } from '../../../src/core/annotationApi.ts';
import { usePreferences } from '../frame/preferences.ts';
import { useStrings } from '../frame/texts.ts';
import { TopBar } from '../frame/topBar.tsx';
import type { KeyValueStore } from '../net/storage.ts';
import { Between } from './between.tsx';
import { FlagDialog } from './flagDialog.tsx';
import { GuidelinesPanel } from './guidelinesPanel.tsx';
import type { Action } from './keys.ts';
import { KeysDialog } from './keysDialog.tsx';
import { SkipDialog } from './skipDialog.tsx';
import { COMMENT_ID, TaskView } from './taskView.tsx';
import { useItemActions } from './useItemActions.ts';
import { useKeyboard } from './useKeyboard.ts';
import { useWork } from './useWork.ts';
import { WorkStatus } from './workStatus.tsx';

export interface WorkProps {
  me: Me;
  store: KeyValueStore;
  onSignOut(): void;
  onSessionEnded(): void;
}

type Opened = { kind: 'none' } | { kind: 'keys' } | { kind: 'skip' } | { kind: 'flag'; index: number };

export function Labeling(props: WorkProps & { project: ProjectReply }) {
  const { me, store, project, onSignOut, onSessionEnded } = props;
  const strings = useStrings();
  const { hasLetterKeys } = usePreferences();
  const { desk, state } = useWork({ me, store, onSessionEnded });
  const actions = useItemActions(desk, state);
  const [opened, setOpened] = useState<Opened>({ kind: 'none' });
  const [areGuidelinesOpen, setGuidelinesOpen] = useState(false);
  const [isPlain, setPlain] = useState(false);
  const [correcting, setCorrecting] = useState<number | null>(null);
  const [hasBegun, setBegun] = useState(false);
  const { shown, phase, standing, progress, outbox } = state;
  const itemId = shown?.task.itemId ?? null;
  useLayoutEffect(() => setCorrecting(null), [itemId]);

  const close = () => setOpened({ kind: 'none' });
  const isPractice = shown?.task.round === 'qualification';
  const isBeginning = isPractice && standing.qualification?.answered === 0 && !hasBegun;
  const isTaskShown = phase === 'task' && shown !== null && !isBeginning;

  /** Opens the part that a key asks for. */
  const openPart = (action: Action): boolean => {
    const { task, draft } = shown ?? {};
    const active = draft?.active.candidate ?? 0;
    const isReply = task !== undefined && active < task.candidates.length;
    switch (action.kind) {
      case 'help':
        setOpened({ kind: 'keys' });
        return true;
      case 'guidelines':
        if (project.guidelines !== '') setGuidelinesOpen((isOpen) => !isOpen);
        return true;
      case 'asText':
        setPlain((isOn) => !isOn);
        return true;
      case 'skip':
        if (isTaskShown && task?.ask.skip === true) setOpened({ kind: 'skip' });
        return true;
      case 'flag':
        if (isTaskShown && isReply && task.ask.flags) setOpened({ kind: 'flag', index: active });
        return true;
      case 'correct':
        if (isTaskShown && isReply && task.ask.correction) setCorrecting(active);
        return true;
      case 'comment':
        document.getElementById(COMMENT_ID)?.focus();
        return true;
      default:
        return false;
    }
  };
  const onKey = (action: Action) => {
    if (openPart(action)) return;
    if (isTaskShown || action.kind === 'undo') actions.act(action as Parameters<typeof actions.act>[0]);
    else if (action.kind === 'submit' && isBeginning) setBegun(true);
    else if (action.kind === 'submit' && phase === 'told') goOn();
  };
  const goOn = () => {
    setBegun(false);
    desk.goOn();
  };
  useKeyboard({ isOn: opened.kind === 'none', hasLetterKeys, onAction: onKey });

  const done = Math.min(progress.done + (isPractice ? 0 : outbox.pending), progress.total);
  const flagged = opened.kind === 'flag' ? shown?.task.candidates[opened.index] : undefined;
  const { qualification } = standing;
  const practice = isPractice && qualification !== null ? qualification : null;
  return (
    <>
      <TopBar
        name={me.annotator.name}
        role={me.annotator.role}
        view="work"
        onSignOut={() => {
          void desk.release().finally(onSignOut);
        }}
      >
        <WorkStatus
          label={
            practice === null
              ? strings.progress(done, progress.total)
              : strings.practice(practice.answered, practice.items)
          }
          done={practice?.answered ?? done}
          total={practice?.items ?? progress.total}
          outbox={outbox}
          onGuidelines={project.guidelines === '' ? null : () => setGuidelinesOpen(!areGuidelinesOpen)}
          onKeys={() => setOpened({ kind: 'keys' })}
        />
      </TopBar>
      {state.refusal !== null && (
        <p class="banner" role="alert">
          {state.refusal.status === 409 ? strings.judgedElsewhere : strings.refused(state.refusal.message)}
          <button type="button" onClick={() => desk.dismissRefusal()}>
            {strings.close}
          </button>
        </p>
      )}
      <div class={areGuidelinesOpen ? 'desk beside' : 'desk'}>
        {isTaskShown ? (
          <TaskView
            shown={shown}
            actions={actions}
            canUndo={shown.draft.past.length > 0 || (state.last !== null && !isPractice)}
            isPlain={isPlain}
            correcting={correcting}
            onCorrecting={setCorrecting}
            onFlag={(index) => setOpened({ kind: 'flag', index })}
            onSkip={() => setOpened({ kind: 'skip' })}
          />
        ) : (
          <Between
            state={state}
            isBeginning={isBeginning}
            onBegin={() => setBegun(true)}
            onGoOn={goOn}
            onBack={() => desk.goBack()}
          />
        )}
        {areGuidelinesOpen && <GuidelinesPanel project={project} onClose={() => setGuidelinesOpen(false)} />}
      </div>
      <p class="sr-only" role="status" aria-live="polite">
        {actions.said}
      </p>
      {opened.kind === 'keys' && <KeysDialog task={shown?.task ?? null} onClose={close} />}
      {opened.kind === 'skip' && (
        <SkipDialog
          onSkip={(reason) => {
            close();
            actions.skip(reason);
          }}
          onClose={close}
        />
      )}
      {opened.kind === 'flag' && flagged !== undefined && (
        <FlagDialog
          candidateKey={flagged.key}
          flags={shown?.draft.flags[flagged.candidateId] ?? []}
          onFlag={(flag) => actions.switchFlag(flagged.candidateId, flag)}
          onClose={close}
        />
      )}
    </>
  );
}
