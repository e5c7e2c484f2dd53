// The page as a whole: who is signed in, and which view they see. The lead's and admin's views come when asked for.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Me, SessionRequest } from '../../src/core/annotationApi.ts';
import { Invitation } from './entry/invitation.tsx';
import { SignIn, type SignInProblem } from './entry/signIn.tsx';
import { LazyView } from './frame/lazyView.tsx';
import { Notice } from './frame/notice.tsx';
import { PreferencesContext, useKeptPreferences } from './frame/preferences.ts';
import { type Route, routeOf, secretIn } from './frame/route.ts';
import { STRINGS } from './frame/strings.ts';
import { TopBar } from './frame/topBar.tsx';
import { api } from './net/api.ts';
import { ApiError } from './net/call.ts';
import { browserStore } from './net/storage.ts';
import { Work } from './task/work.tsx';

type Session =
  | { state: 'loading' }
  /** The server does not answer: asked again until it does. */
  | { state: 'offline' }
  | { state: 'invited'; invitation: string }
  | { state: 'signedOut'; problem: SignInProblem }
  | { state: 'signedIn'; me: Me };

/** Takes a secret out of the address, so that it stays neither in sight nor in the history. */
function clearAddress(): void {
  if (secretIn(window.location.hash) === null) return;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
}

async function openSession(credentials: SessionRequest | null): Promise<Session> {
  try {
    const me = credentials === null ? await api.me() : await api.signIn(credentials);
    // Only now: a reload before the session is there signs in again.
    clearAddress();
    return { state: 'signedIn', me };
  } catch (error) {
    if (!(error instanceof ApiError)) {
      return credentials === null ? { state: 'offline' } : { state: 'signedOut', problem: 'offline' };
    }
    if (!error.isPassing) clearAddress();
    if (credentials === null && error.status === 401) return { state: 'signedOut', problem: 'none' };
    return { state: 'signedOut', problem: { message: error.message } };
  }
}

const ASK_AGAIN_MS = 3000;

const loadLead = () => import('./lead/leadView.tsx').then((part) => part.LeadView);
const loadAdmin = () => import('./admin/adminView.tsx').then((part) => part.AdminView);

export function App() {
  const store = useMemo(browserStore, []);
  const preferences = useKeptPreferences(store);
  const [session, setSession] = useState<Session>({ state: 'loading' });
  const [route, setRoute] = useState<Route>(() => routeOf(window.location.hash));
  const strings = STRINGS[preferences.language];

  useEffect(() => {
    const enter = () => {
      const found = secretIn(window.location.hash);
      if (found?.kind === 'invite') return setSession({ state: 'invited', invitation: found.secret });
      void openSession(found === null ? null : { token: found.secret }).then(setSession);
    };
    // A personal link opened in a tab that shows the page already only changes the hash.
    const onHash = () => {
      if (secretIn(window.location.hash) !== null) enter();
      else setRoute(routeOf(window.location.hash));
    };
    enter();
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);

  useEffect(() => {
    if (session.state !== 'offline') return;
    const ask = () => void openSession(null).then(setSession);
    const timer = setInterval(ask, ASK_AGAIN_MS);
    window.addEventListener('online', ask);
    return () => {
      clearInterval(timer);
      window.removeEventListener('online', ask);
    };
  }, [session.state]);

  const signOut = () => {
    void api.signOut().catch(() => undefined);
    window.history.replaceState(null, '', window.location.pathname);
    setRoute({ view: 'work' });
    setSession({ state: 'signedOut', problem: 'none' });
  };
  const endSession = () => setSession({ state: 'signedOut', problem: 'ended' });
  const enterAs = (me: Me) => {
    clearAddress();
    setSession({ state: 'signedIn', me });
  };

  const view = (me: Me) => {
    const { role } = me.annotator;
    const may = route.view === 'work' || role === 'admin' || (route.view === 'lead' && role === 'lead');
    if (!may) {
      return (
        <>
          <TopBar name={me.annotator.name} role={role} view={route.view} onSignOut={signOut} />
          <Notice text={strings.notForYou} />
        </>
      );
    }
    const common = { me, store, onSignOut: signOut, onSessionEnded: endSession };
    switch (route.view) {
      case 'work':
        return <Work key={`${me.projectId}/${me.annotator.id}`} {...common} />;
      case 'lead':
        return <LazyView load={loadLead} props={{ ...common, route }} />;
      case 'admin':
        return <LazyView load={loadAdmin} props={{ ...common, route }} />;
      default:
        return route satisfies never;
    }
  };

  return (
    <PreferencesContext.Provider value={preferences}>
      {session.state === 'loading' && <Notice text={strings.loading} isQuiet />}
      {session.state === 'offline' && <Notice text={strings.unreachable} />}
      {session.state === 'invited' && (
        <Invitation
          key={session.invitation}
          invitation={session.invitation}
          onJoined={enterAs}
          onSignIn={() => {
            clearAddress();
            setSession({ state: 'signedOut', problem: 'none' });
          }}
        />
      )}
      {session.state === 'signedOut' && (
        <SignIn
          problem={session.problem}
          onCredentials={async (credentials) => setSession(await openSession(credentials))}
        />
      )}
      {session.state === 'signedIn' && view(session.me)}
    </PreferencesContext.Provider>
  );
}
