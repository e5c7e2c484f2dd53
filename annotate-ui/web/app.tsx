// The page as a whole: who is signed in, in which language, and what they see.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Language } from '../../src/core/annotation/project.ts';
import type { Me } from '../../src/core/annotationApi.ts';
import { ApiError, api } from './api.ts';
import { Labeling } from './labeling.tsx';
import { SignIn } from './signIn.tsx';
import { browserStore } from './storage.ts';
import { preferredLanguage, STRINGS } from './strings.ts';
import { LanguageContext } from './texts.ts';

type Session =
  | { state: 'loading' }
  | { state: 'signedOut'; problem: 'none' | 'ended' | 'offline' | { message: string } }
  | { state: 'signedIn'; me: Me };

const LANGUAGE_KEY = 'fourfold/language';

function tokenInAddress(): string | null {
  return new URLSearchParams(window.location.hash.slice(1)).get('token');
}

/** Takes the token out of the address, so that it stays neither in sight nor in the history. */
function clearAddress(): void {
  if (tokenInAddress() === null) return;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
}

async function openSession(token: string | null): Promise<Session> {
  try {
    const me = token === null ? await api.me() : await api.signIn(token);
    // Only now: a reload before the session is there signs in again.
    if (token !== null) clearAddress();
    return { state: 'signedIn', me };
  } catch (error) {
    if (!(error instanceof ApiError)) return { state: 'signedOut', problem: 'offline' };
    if (!error.isPassing) clearAddress();
    if (token === null && error.status === 401) return { state: 'signedOut', problem: 'none' };
    return { state: 'signedOut', problem: { message: error.message } };
  }
}

export function App() {
  const store = useMemo(browserStore, []);
  const [session, setSession] = useState<Session>({ state: 'loading' });
  const [language, setLanguage] = useState<Language>(() => {
    const kept = store.get(LANGUAGE_KEY);
    return kept === 'en' || kept === 'zh' ? kept : preferredLanguage(navigator.languages);
  });
  const strings = STRINGS[language];

  useEffect(() => {
    document.documentElement.lang = language;
    store.set(LANGUAGE_KEY, language);
  }, [language, store]);

  useEffect(() => {
    const enter = () => {
      void openSession(tokenInAddress()).then(setSession);
    };
    // A personal link opened in a tab that shows the page already only changes the hash.
    const onHash = () => {
      if (window.location.hash.startsWith('#token=')) enter();
    };
    enter();
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);

  const signOut = async () => {
    await api.signOut().catch(() => undefined);
    setSession({ state: 'signedOut', problem: 'none' });
  };

  return (
    <LanguageContext.Provider value={language}>
      {session.state === 'loading' && <p class="centered muted">{strings.loading}</p>}
      {session.state === 'signedOut' && (
        <SignIn
          problem={session.problem}
          onToken={async (token) => setSession(await openSession(token))}
          onLanguage={setLanguage}
        />
      )}
      {session.state === 'signedIn' && (
        <Labeling
          key={`${session.me.candidateSetId}/${session.me.annotator.id}`}
          me={session.me}
          store={store}
          onLanguage={setLanguage}
          onSignOut={signOut}
          onSessionEnded={() => setSession({ state: 'signedOut', problem: 'ended' })}
        />
      )}
    </LanguageContext.Provider>
  );
}
