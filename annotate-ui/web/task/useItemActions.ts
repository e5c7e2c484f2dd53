// What an annotator can do with the item on the screen, whether by key, mouse or touch. Says aloud what it did.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Flag } from '../../../src/core/records.ts';
import { playerOf } from '../audio/players.ts';
import { useCriterionText, useStrings } from '../frame/texts.ts';
import type { Draft, Place, Verdict } from './draft.ts';
import * as drafts from './draft.ts';
import type { Action } from './keys.ts';
import { placeAfter, placeToward, verdictPlace } from './place.ts';
import { isPlaced, moved, placed, type Ranking, rankOf, removed, tieSwitched } from './ranking.ts';
import { newSubmissionId, skipRequest, toRequest } from './request.ts';
import { scoreGroupId } from './scale.tsx';
import { leaned, stepsOf } from './strength.ts';
import type { WorkDesk, WorkState } from './workDesk.ts';

/** Actions that open something, which are the screen's own. */
export type OpeningAction = Extract<
  Action,
  { kind: 'help' | 'skip' | 'guidelines' | 'flag' | 'correct' | 'comment' | 'asText' }
>;

export interface ItemActions {
  /** For screen readers: what happened last. */
  said: string;
  /** True once a submit found something missing: from then on the gaps are marked. */
  isMissingShown: boolean;
  /** Carries out a key's action. */
  act(action: Exclude<Action, OpeningAction>): void;
  /** A score by mouse or touch: the active place stays. */
  giveScore(place: Place, score: number): void;
  giveVerdict(verdict: Verdict): void;
  giveRanking(ranking: Ranking, about?: string): void;
  giveCorrection(candidateId: string, text: string | null): void;
  giveComment(text: string): void;
  switchFlag(candidateId: string, flag: Flag): void;
  setActive(place: Place): void;
  submit(): void;
  skip(reason: string): void;
  undo(): void;
}

/** Focuses the group and scrolls it into view, with the reply above it where both fit. */
function reveal(id: string): void {
  const group = document.getElementById(id);
  group?.focus({ preventScroll: true });
  group?.closest('.card')?.scrollIntoView({ block: 'nearest' });
  group?.scrollIntoView({ block: 'nearest' });
}

export function useItemActions(desk: WorkDesk, state: WorkState): ItemActions {
  const strings = useStrings();
  const criterionText = useCriterionText();
  const { shown, progress } = state;
  const [said, setSaid] = useState('');
  const [isMissingShown, setMissingShown] = useState(false);
  const placeToReveal = useRef<Place | null>(null);
  const itemId = shown?.task.itemId ?? null;

  useLayoutEffect(() => setMissingShown(false), [itemId]);
  useLayoutEffect(() => {
    const place = placeToReveal.current;
    placeToReveal.current = null;
    if (place === null || shown === null) return;
    const isVerdict = place.candidate >= shown.task.candidates.length;
    const hasScales = drafts.criteriaOf(shown.task).length > 0;
    reveal(isVerdict ? 'verdict' : hasScales ? scoreGroupId(place) : `card-${place.candidate}`);
  });

  const go = (draft: Draft, place: Place) => {
    placeToReveal.current = place;
    desk.change(drafts.withActive(draft, place));
  };
  const keyOf = (candidateId: string) =>
    shown?.task.candidates.find((candidate) => candidate.candidateId === candidateId)?.key ?? '';

  const score = (place: Place, value: number, moveOn: boolean) => {
    if (shown === null) return;
    const { task, draft } = shown;
    const candidate = task.candidates[place.candidate];
    const card = drafts.criteriaOf(task)[place.criterion];
    if (candidate === undefined || card === undefined) return;
    const next = moveOn ? placeAfter(task, place) : place;
    if (moveOn) placeToReveal.current = next;
    desk.change(drafts.withScore(draft, task, { place, score: value, next }));
    const { name, anchors } = criterionText(card);
    setSaid(strings.said.score(candidate.key, name, value, anchors[value - 1] ?? ''));
  };

  const giveVerdict = (verdict: Verdict) => {
    if (shown === null) return;
    desk.change(drafts.withVerdict(shown.draft, verdict));
    if (verdict.kind === 'tie') return setSaid(verdict.bothBad === true ? strings.bothBad : strings.said.tie);
    const key = keyOf(verdict.candidateId);
    setSaid(verdict.strength === undefined ? strings.said.best(key) : strings.better[verdict.strength](key));
  };

  const giveRanking = (ranking: Ranking, about?: string) => {
    if (shown === null) return;
    desk.change(drafts.withRanking(shown.draft, ranking));
    if (about === undefined) return;
    const rank = rankOf(ranking, about);
    setSaid(rank === null ? strings.said.unranked(keyOf(about)) : strings.said.ranked(keyOf(about), rank));
  };

  const choose = (index: number) => {
    const candidateId = shown?.task.candidates[index]?.candidateId;
    if (shown === null || candidateId === undefined) return;
    const { task, draft } = shown;
    switch (task.ask.comparison) {
      case 'none':
        return;
      case 'best':
        return giveVerdict({ kind: 'best', candidateId });
      case 'strength': {
        const verdict = leaned(task, draft.verdict, index === 0 ? -1 : 1);
        return verdict === null ? undefined : giveVerdict(verdict);
      }
      case 'ranking': {
        const { ranking } = draft;
        const isIn = isPlaced(ranking, candidateId);
        return giveRanking(
          isIn ? removed(ranking, candidateId) : placed(ranking, candidateId, ranking.length),
          candidateId,
        );
      }
      default:
        return task.ask.comparison satisfies never;
    }
  };

  const tie = () => {
    if (shown === null) return;
    const { task, draft } = shown;
    const candidateId = task.candidates[draft.active.candidate]?.candidateId ?? draft.ranking.at(-1)?.candidateId;
    if (task.ask.comparison === 'ranking') {
      if (candidateId !== undefined) giveRanking(tieSwitched(draft.ranking, candidateId), candidateId);
    } else if (task.ask.comparison !== 'none') {
      giveVerdict({ kind: 'tie' });
    }
  };

  const digit = (value: number) => {
    if (shown === null) return;
    const { task, draft } = shown;
    if (draft.active.candidate < task.candidates.length)
      return value <= 5 ? score(draft.active, value, true) : undefined;
    const step = task.ask.comparison === 'strength' ? stepsOf(task)[value - 1] : undefined;
    if (step !== undefined) giveVerdict(step);
  };

  const move = (direction: Extract<Action, { kind: 'move' }>['direction']) => {
    if (shown === null) return;
    const { task, draft } = shown;
    const isAtVerdict = draft.active.candidate >= task.candidates.length;
    const isSideways = direction === 'left' || direction === 'right';
    if (isAtVerdict && isSideways && task.ask.comparison === 'strength') return choose(direction === 'left' ? 0 : 1);
    go(draft, placeToward(task, draft.active, direction));
  };

  const submit = () => {
    if (shown === null) return;
    const { task, draft, isRevision } = shown;
    const missing = drafts.missingIn(draft, task);
    const [first] = missing;
    if (first !== undefined) {
      setMissingShown(true);
      setSaid(strings.said.missing(missing.length));
      return go(draft, first.kind === 'score' ? first.place : verdictPlace(task));
    }
    const sending = { revise: isRevision, submissionId: newSubmissionId() };
    if (desk.submit((current) => toRequest(current, task, sending)) && task.round === 'work') {
      setSaid(strings.said.next(Math.min(progress.done + state.outbox.pending + 1, progress.total), progress.total));
    }
  };

  const undo = () => {
    const before = shown === null ? null : drafts.undone(shown.draft);
    if (before !== null) {
      placeToReveal.current = before.active;
      desk.change(before);
      setSaid(strings.said.undone);
    } else if (state.last !== null && shown?.task.round !== 'qualification') {
      desk.goBack();
    } else {
      setSaid(strings.nothingToUndo);
    }
  };

  const act: ItemActions['act'] = (action) => {
    if (action.kind === 'undo') return undo();
    if (shown === null) return;
    const { task, draft } = shown;
    const activeId = task.candidates[draft.active.candidate]?.candidateId;
    const player = activeId === undefined ? null : playerOf(activeId);
    switch (action.kind) {
      case 'focus':
        if (action.candidate < task.candidates.length) go(draft, { candidate: action.candidate, criterion: 0 });
        return;
      case 'choose':
        return choose(action.candidate);
      case 'chooseActive':
        return choose(draft.active.candidate);
      case 'tie':
        return tie();
      case 'bothBad':
        if (task.ask.comparison === 'strength') giveVerdict({ kind: 'tie', bothBad: true });
        return;
      case 'score':
        return digit(action.score);
      case 'move':
        return move(action.direction);
      case 'rank':
        if (task.ask.comparison === 'ranking' && activeId !== undefined) {
          giveRanking(moved(draft.ranking, activeId, action.step), activeId);
        }
        return;
      case 'play':
        return player?.toggle();
      case 'seek':
        return player?.seek(action.seconds);
      case 'speed':
        return player?.changeSpeed(action.direction);
      case 'submit':
        return submit();
      default:
        return action satisfies never;
    }
  };

  const change = (next: (draft: Draft) => Draft) => {
    if (shown !== null) desk.change(next(shown.draft));
  };
  return {
    said,
    isMissingShown,
    act,
    giveScore: (place, value) => score(place, value, false),
    giveVerdict,
    giveRanking,
    giveCorrection: (candidateId, text) => change((draft) => drafts.withCorrection(draft, candidateId, text)),
    giveComment: (text) => change((draft) => drafts.withComment(draft, text)),
    switchFlag: (candidateId, flag) => change((draft) => drafts.withFlag(draft, candidateId, flag)),
    setActive: (place) => {
      const active = shown?.draft.active;
      const isThere = active?.candidate === place.candidate && active.criterion === place.criterion;
      if (!isThere) change((draft) => drafts.withActive(draft, place));
    },
    submit,
    skip: (reason) => {
      const sending = { revise: shown?.isRevision ?? false, submissionId: newSubmissionId() };
      desk.submit((current) => skipRequest(current, reason, sending));
    },
    undo,
  };
}
