// The state behind the labeling screen: the item shown, its draft, what comes next, what is still to be sent.
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JudgementRequest, Me, OwnProgress, Task } from '../../src/core/annotationApi.ts';
import { ActiveClock } from './activeClock.ts';
import { ApiError, api } from './api.ts';
import { type Draft, emptyDraft } from './draft.ts';
import { Outbox, type OutboxState } from './outbox.ts';
import { type KeyValueStore, readJson } from './storage.ts';

/** An item on the screen. */
export interface Shown {
  task: Task;
  draft: Draft;
  /** The annotator went back to an item that was submitted before. */
  isRevision: boolean;
}

export type Phase = 'loading' | 'task' | 'waiting' | 'done';

export interface LabelingState {
  phase: Phase;
  shown: Shown | null;
  progress: OwnProgress;
  outbox: { state: OutboxState; pending: number };
  /** What the server said of a judgement that it refused, or null. */
  refusal: ApiError | null;
  canGoBack: boolean;
  change(draft: Draft): void;
  submit(request: (draft: Draft) => JudgementRequest | null): boolean;
  goBack(): void;
  dismissRefusal(): void;
}

const AHEAD = 2;
const POLL_MS = 4000;

interface Options {
  me: Me;
  store: KeyValueStore;
  onSessionEnded(): void;
}

export function useLabeling({ me, store, onSessionEnded }: Options): LabelingState {
  const prefix = `fourfold/${me.candidateSetId}/${me.annotator.id}`;
  const [phase, setPhase] = useState<Phase>('loading');
  const [shown, setShown] = useState<Shown | null>(null);
  const [progress, setProgress] = useState<OwnProgress>({ done: 0, skipped: 0, total: 0, remaining: null });
  const [outboxState, setOutboxState] = useState<LabelingState['outbox']>({ state: 'idle', pending: 0 });
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const [last, setLast] = useState<Shown | null>(() => readJson<Shown>(store, `${prefix}/last`));
  const upcoming = useRef<Task[]>([]);
  const shownNow = useRef<Shown | null>(null);
  const clock = useRef(new ActiveClock(0, Date.now()));
  const isFetching = useRef(false);
  const isGone = useRef(false);

  const outbox = useMemo(
    () =>
      new Outbox({
        store,
        prefix: `${prefix}/out/`,
        send: api.judge,
        onState: (state, pending) => setOutboxState({ state, pending }),
        onSaved: (reply) => setProgress(reply.progress),
        onRefused: (_itemId, _body, error) => setRefusal(error),
        onSignedOut: onSessionEnded,
      }),
    [],
  );

  const draftKey = (itemId: string) => `${prefix}/draft/${itemId}`;
  const keepDraft = ({ task, draft, isRevision }: Shown) => {
    // The draft of a revision begins with what was submitted, which a reload would take for a fresh answer.
    if (!isRevision) store.set(draftKey(task.itemId), JSON.stringify(draft));
  };

  const show = (next: Shown) => {
    shownNow.current = next;
    clock.current = new ActiveClock(next.draft.elapsedMs, Date.now());
    setShown(next);
    setPhase('task');
  };
  const showFresh = (task: Task) =>
    show({ task, draft: readJson<Draft>(store, draftKey(task.itemId)) ?? emptyDraft(), isRevision: false });

  const held = () => {
    const current = shownNow.current === null ? [] : [shownNow.current.task.itemId];
    return [...new Set([...current, ...upcoming.current.map((task) => task.itemId), ...outbox.pending()])];
  };

  /** Fills what comes next; shows it at once when nothing is on the screen. */
  const fetchAhead = useCallback(async () => {
    if (isFetching.current || isGone.current) return;
    isFetching.current = true;
    try {
      while (shownNow.current === null || upcoming.current.length < AHEAD) {
        const reply = await api.next(held());
        if (isGone.current) return;
        setProgress(reply.progress);
        if (reply.task === null) {
          if (shownNow.current === null) setPhase('done');
          break;
        }
        if (held().includes(reply.task.itemId)) continue;
        if (shownNow.current === null) showFresh(reply.task);
        else upcoming.current.push(reply.task);
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) onSessionEnded();
      else if (shownNow.current === null) setPhase('waiting');
    } finally {
      isFetching.current = false;
    }
  }, []);

  useEffect(() => {
    void fetchAhead();
    outbox.flush();
    const onOnline = () => {
      outbox.flush();
      void fetchAhead();
    };
    const onLife = () => clock.current.touch(Date.now());
    const onVisibility = () => {
      if (document.visibilityState === 'hidden') clock.current.pause(Date.now());
      else onLife();
    };
    const onLeave = () => {
      const current = shownNow.current;
      if (current === null || current.draft.past.length === 0) return;
      keepDraft({ ...current, draft: { ...current.draft, elapsedMs: clock.current.readMs(Date.now()) } });
    };
    window.addEventListener('online', onOnline);
    window.addEventListener('pagehide', onLeave);
    document.addEventListener('visibilitychange', onVisibility);
    for (const name of ['pointermove', 'pointerdown', 'keydown', 'wheel']) {
      document.addEventListener(name, onLife, { passive: true });
    }
    return () => {
      isGone.current = true;
      outbox.stop();
      window.removeEventListener('online', onOnline);
      window.removeEventListener('pagehide', onLeave);
      document.removeEventListener('visibilitychange', onVisibility);
      for (const name of ['pointermove', 'pointerdown', 'keydown', 'wheel']) {
        document.removeEventListener(name, onLife);
      }
    };
  }, []);

  // Without a connection and with nothing left to show, ask again until there is one.
  useEffect(() => {
    if (phase !== 'waiting') return;
    const timer = setInterval(() => void fetchAhead(), POLL_MS);
    return () => clearInterval(timer);
  }, [phase]);

  const change = useCallback((draft: Draft) => {
    const current = shownNow.current;
    if (current === null) return;
    const next = { ...current, draft: { ...draft, elapsedMs: clock.current.readMs(Date.now()) } };
    shownNow.current = next;
    keepDraft(next);
    setShown(next);
  }, []);

  const submit = useCallback((request: (draft: Draft) => JudgementRequest | null) => {
    const current = shownNow.current;
    if (current === null) return false;
    const draft = { ...current.draft, elapsedMs: clock.current.readMs(Date.now()) };
    const body = request(draft);
    if (body === null) return false;
    const { itemId } = current.task;
    const submitted = { ...current, draft };
    store.set(`${prefix}/last`, JSON.stringify(submitted));
    setLast(submitted);
    setRefusal(null);
    outbox.put(itemId, body);
    store.remove(draftKey(itemId));
    shownNow.current = null;
    const next = upcoming.current.shift();
    if (next === undefined) {
      setShown(null);
      setPhase('loading');
    } else {
      showFresh(next);
    }
    void fetchAhead();
    return true;
  }, []);

  const goBack = useCallback(() => {
    if (last === null) return;
    const current = shownNow.current;
    if (current !== null) {
      keepDraft(current);
      upcoming.current.unshift(current.task);
    }
    setLast(null);
    store.remove(`${prefix}/last`);
    show({ ...last, isRevision: true });
  }, [last]);

  return {
    phase,
    shown,
    progress,
    outbox: outboxState,
    refusal,
    canGoBack: last !== null,
    change,
    submit,
    goBack,
    dismissRefusal: () => setRefusal(null),
  };
}
