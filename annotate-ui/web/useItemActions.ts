// What an annotator can do with the item on the screen, whether by key, mouse or touch. Says aloud what it did.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import {
  type Draft,
  missingIn,
  type Place,
  placeToward,
  skipRequest,
  toRequest,
  undone,
  type Verdict,
  withActive,
  withScore,
  withVerdict,
} from './draft.ts';
import type { Action } from './keys.ts';
import { scoreGroupId } from './scale.tsx';
import { useCriterionText, useStrings } from './texts.ts';
import type { LabelingState } from './useLabeling.ts';

export interface ItemActions {
  /** For screen readers: what happened last. */
  said: string;
  /** True once a submit found something missing: from then on the gaps are marked. */
  isMissingShown: boolean;
  /** Carries out a key's action; 'help' and 'skip' open dialogs and are not for here. */
  act(action: Exclude<Action, { kind: 'help' | 'skip' }>): void;
  /** A score by mouse or touch: the active place stays. */
  giveScore(place: Place, score: number): void;
  giveVerdict(verdict: Verdict): void;
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

/** @param done items done so far, for what is said after a submit */
export function useItemActions(labeling: LabelingState, done: number): ItemActions {
  const strings = useStrings();
  const criterionText = useCriterionText();
  const { shown, progress } = labeling;
  const [said, setSaid] = useState('');
  const [isMissingShown, setMissingShown] = useState(false);
  const placeToReveal = useRef<Place | null>(null);
  const itemId = shown?.task.itemId ?? null;

  useLayoutEffect(() => setMissingShown(false), [itemId]);
  useLayoutEffect(() => {
    const place = placeToReveal.current;
    placeToReveal.current = null;
    if (place === null || shown === null) return;
    reveal(place.candidate < shown.task.candidates.length ? scoreGroupId(place) : 'verdict');
  });

  const go = (draft: Draft, place: Place) => {
    placeToReveal.current = place;
    labeling.change(withActive(draft, place));
  };

  const score = (place: Place, value: number, moveOn: boolean) => {
    if (shown === null) return;
    const { task, draft } = shown;
    const candidate = task.candidates[place.candidate];
    const card = task.criteria[place.criterion];
    if (candidate === undefined || card === undefined) return;
    const next = withScore(draft, task, { place, score: value, moveOn });
    if (moveOn) placeToReveal.current = next.active;
    labeling.change(next);
    const { name, anchors } = criterionText(card);
    setSaid(strings.said.score(candidate.key, name, value, anchors[value - 1] ?? ''));
  };

  const giveVerdict = (verdict: Verdict) => {
    if (shown === null) return;
    labeling.change(withVerdict(shown.draft, verdict));
    const best = verdict.kind === 'best' ? verdict.candidateId : null;
    const key = shown.task.candidates.find((candidate) => candidate.candidateId === best)?.key;
    setSaid(key === undefined ? strings.said.tie : strings.said.best(key));
  };

  const chooseBest = (candidate: number) => {
    const candidateId = shown?.task.candidates[candidate]?.candidateId;
    if (candidateId !== undefined) giveVerdict({ kind: 'best', candidateId });
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
    } else if (labeling.submit((current) => toRequest(current, task, isRevision))) {
      setSaid(strings.said.next(Math.min(done + 1, progress.total), progress.total));
    }
  };

  const undo = () => {
    const before = shown === null ? null : undone(shown.draft);
    if (before !== null) {
      placeToReveal.current = before.active;
      labeling.change(before);
    } else if (labeling.canGoBack) {
      labeling.goBack();
    } else {
      setSaid(strings.nothingToUndo);
    }
  };

  const act: ItemActions['act'] = (action) => {
    if (action.kind === 'undo') return undo();
    if (shown === null) return;
    const { task, draft } = shown;
    switch (action.kind) {
      case 'focus':
        if (action.candidate < task.candidates.length) go(draft, { candidate: action.candidate, criterion: 0 });
        return;
      case 'best':
        return chooseBest(action.candidate);
      case 'bestActive':
        return chooseBest(draft.active.candidate);
      case 'tie':
        return giveVerdict({ kind: 'tie' });
      case 'score':
        return score(draft.active, action.score, true);
      case 'move':
        return go(draft, placeToward(task, draft.active, action.direction));
      case 'submit':
        return submit();
      default:
        return action satisfies never;
    }
  };

  return {
    said,
    isMissingShown,
    act,
    giveScore: (place, value) => score(place, value, false),
    giveVerdict,
    setActive: (place) => {
      if (shown === null) return;
      const { active } = shown.draft;
      const isThere = active.candidate === place.candidate && active.criterion === place.criterion;
      if (!isThere) labeling.change(withActive(shown.draft, place));
    },
    submit,
    skip: (reason) => {
      if (shown === null) return;
      const { isRevision } = shown;
      labeling.submit((current) => skipRequest(current, reason, isRevision));
    },
    undo,
  };
}
