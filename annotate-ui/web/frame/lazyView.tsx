// A view whose code comes when it is first shown.
import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Notice } from './notice.tsx';
import { useStrings } from './texts.ts';

interface LazyViewProps<P extends object> {
  /** The same function each time. */
  load(): Promise<FunctionComponent<P>>;
  props: P;
}

export function LazyView<P extends object>({ load, props }: LazyViewProps<P>) {
  const strings = useStrings();
  const [view, setView] = useState<{ load: unknown; View: FunctionComponent<P> } | 'failed' | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    load().then(
      (View) => setView({ load, View }),
      () => setView('failed'),
    );
  }, [load, attempt]);
  if (view === 'failed') {
    return (
      <Notice text={strings.noServer}>
        <button type="button" onClick={() => setAttempt(attempt + 1)}>
          {strings.retry}
        </button>
      </Notice>
    );
  }
  if (view === null || view.load !== load) return <Notice text={strings.loading} isQuiet />;
  const { View } = view;
  return <View {...props} />;
}
