// Something asked of the server for a view: waiting, there, or failed with a way to try again.
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError } from '../net/call.ts';
import { useStrings } from './texts.ts';

export interface Loaded<T> {
  value: T | null;
  problem: string | 'offline' | null;
  reload(): void;
  /** Puts what a change replied in the place of what was asked. */
  replace(value: T): void;
}

/** @param ask asked again when `key` changes; what was there stays on the screen meanwhile */
export function useLoaded<T>(ask: () => Promise<T>, key: string, onSessionEnded: () => void): Loaded<T> {
  const [found, setFound] = useState<{ key: string; value: T } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isGone = false;
    ask().then(
      (value) => {
        if (isGone) return;
        setFound({ key, value });
        setProblem(null);
      },
      (error: unknown) => {
        if (isGone) return;
        if (error instanceof ApiError && error.status === 401) onSessionEnded();
        else setProblem(error instanceof ApiError ? error.message : 'offline');
      },
    );
    return () => {
      isGone = true;
    };
  }, [key, attempt]);
  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  const replace = useCallback((value: T) => setFound({ key, value }), [key]);
  return { value: found?.key === key ? found.value : null, problem, reload, replace };
}

interface WhenLoadedProps<T> {
  loaded: Loaded<T>;
  children: (value: T) => ComponentChildren;
}

export function WhenLoaded<T>({ loaded, children }: WhenLoadedProps<T>) {
  const strings = useStrings();
  const { value, problem, reload } = loaded;
  return (
    <>
      {problem !== null && (
        <p class="banner" role="alert">
          {problem === 'offline' ? strings.noServer : problem}
          <button type="button" onClick={reload}>
            {strings.retry}
          </button>
        </p>
      )}
      {value !== null ? children(value) : problem === null && <p class="muted waiting-text">{strings.loading}</p>}
    </>
  );
}
