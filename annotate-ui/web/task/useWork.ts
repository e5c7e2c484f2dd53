// Ties the work of an annotator to the life of the page: connection, visibility, signs of life.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Me } from '../../../src/core/annotationApi.ts';
import { api } from '../net/api.ts';
import type { KeyValueStore } from '../net/storage.ts';
import { type Phase, WorkDesk, type WorkState } from './workDesk.ts';

/** How often to ask again where nothing is to be shown. */
const ASK_AGAIN_MS: Partial<Record<Phase, number>> = { offline: 4000, wait: 15_000, paused: 60_000 };
const SIGNS_OF_LIFE = ['pointermove', 'pointerdown', 'keydown', 'wheel'];

interface Options {
  me: Me;
  store: KeyValueStore;
  onSessionEnded(): void;
}

export function useWork({ me, store, onSessionEnded }: Options): { desk: WorkDesk; state: WorkState } {
  const [, redraw] = useState(0);
  const desk = useMemo(
    () =>
      new WorkDesk({
        api,
        store,
        prefix: `fourfold/${me.projectId}/${me.candidateSetId}/${me.annotator.id}`,
        standing: me.standing,
        now: () => Date.now(),
        onState: () => redraw((count) => count + 1),
        onSessionEnded,
      }),
    [],
  );

  useEffect(() => {
    desk.wake();
    const onOnline = () => desk.wake();
    const onLife = () => desk.touch();
    const onLeave = () => desk.rest();
    const onVisibility = () => (document.visibilityState === 'hidden' ? desk.rest() : desk.touch());
    window.addEventListener('online', onOnline);
    window.addEventListener('pagehide', onLeave);
    document.addEventListener('visibilitychange', onVisibility);
    for (const name of SIGNS_OF_LIFE) document.addEventListener(name, onLife, { passive: true });
    return () => {
      desk.rest();
      desk.stop();
      window.removeEventListener('online', onOnline);
      window.removeEventListener('pagehide', onLeave);
      document.removeEventListener('visibilitychange', onVisibility);
      for (const name of SIGNS_OF_LIFE) document.removeEventListener(name, onLife);
    };
  }, [desk]);

  const { phase } = desk.state;
  useEffect(() => {
    const pauseMs = ASK_AGAIN_MS[phase];
    if (pauseMs === undefined) return;
    const timer = setInterval(() => desk.wake(), pauseMs);
    return () => clearInterval(timer);
  }, [phase, desk]);

  return { desk, state: desk.state };
}
